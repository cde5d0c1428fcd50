//! Bodies that servers answer with, by number: what a conversation turns on, in one byte of an input.

/// The operation that the answers are about.
pub const ID: &str = "fa6fdad0-a663-429c-a5a3-46c3b08cf6fb";
/// How the secrets in the answers begin.
pub const SECRET: &str = "5ec2e7";

/// The body of that number; the numbers begin again after the last.
#[must_use]
pub fn body(number: u8) -> String {
    let operation = |code: u16, word: &str, metadata: &str, err: &str| {
        format!(
            r#"{{"id":"{ID}","class":"task","status":"{word}","status_code":{code},"resources":{{"instances":["/1.0/instances/c1"],"snapshots":["/1.0/instances/c1/snapshots/s0"]}},"metadata":{metadata},"may_cancel":true,"err":"{err}","location":"none"}}"#
        )
    };
    let done = |content: &str| format!(r#"{{"type":"sync","status_code":200,"metadata":{content}}}"#);
    let begun = |content: &str| {
        format!(
            r#"{{"type":"async","status_code":100,"operation":"/1.0/operations/{ID}","metadata":{content}}}"#
        )
    };
    let refused =
        |code: u16, words: &str| format!(r#"{{"type":"error","error_code":{code},"error":"{words}"}}"#);
    let fds = format!(
        r#"{{"fds":{{"0":"{SECRET}00","1":"{SECRET}01","2":"{SECRET}02","control":"{SECRET}03"}},"x_progress":"5% (1.50MB/s)"}}"#
    );
    let ended = |code: u16| {
        format!(
            r#"{{"return":{code},"fingerprint":"ff00","output":{{"1":"/1.0/instances/c1/logs/exec_1.stdout","2":"/1.0/instances/c1/logs/exec_1.stderr"}}}}"#
        )
    };
    match number % 24 {
        0 => done("{}"),
        1 => begun(&operation(103, "Running", &fds, "")),
        2 => done(&operation(103, "Running", &fds, "")),
        3 => done(&operation(200, "Success", &ended(0), "")),
        4 => done(&operation(400, "Failure", "null", "it broke")),
        5 => done(&operation(401, "Cancelled", "null", "")),
        6 => refused(404, "not found"),
        7 => refused(412, "Precondition failed"),
        8 => refused(500, "broken"),
        9 => done(
            r#"{"name":"c1","type":"container","config":{"a":"b"},"devices":{},"profiles":["default"],"target":"ff00","fingerprint":"ff00","description":""}"#,
        ),
        10 => begun(&operation(200, "Success", &ended(0), "")),
        11 => begun("null"),
        12 => "no JSON".to_owned(),
        13 => done(&operation(400, "Failure", &ended(127), "Command not found")),
        14 => done(&operation(200, "Success", "null", "")),
        15 => done(&operation(105, "Pending", "null", "")),
        16 => done(&operation(299, "Later", "null", "")),
        17 => refused(400, "The operation failed"),
        18 => done("null"),
        19 => String::new(),
        20 => done(&operation(200, "Success", &ended(143), "")),
        21 => refused(0, ""),
        22 => begun(&operation(400, "Failure", &ended(126), "no program")),
        _ => done(r#"["/1.0/instances/c1"]"#),
    }
}
