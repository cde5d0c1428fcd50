//! Points in time, and the several ways in which servers say "never".

use std::fmt;

use jiff::Timestamp;
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::field::{Field, read_text};

/// A point in time, or none.
///
/// Servers write "never" and "not yet" as `0001-01-01T00:00:00Z`, as `1970-01-01T00:00:00Z`, as null, or
/// leave the field out: [`get`](Time::get) is `None` for all of them, and they are equal. What came for
/// an unset time goes back unchanged. A time that is set goes back as the same instant in UTC.
#[derive(Clone, Default)]
pub struct Time(Form);

#[derive(Clone, Default)]
enum Form {
    #[default]
    Null,
    Year1,
    Epoch,
    At(Timestamp),
    /// Whatever the two forms above do not give back as it was.
    Verbatim(Box<(Option<Timestamp>, String)>),
}

const YEAR_1: &str = "0001-01-01T00:00:00Z";
const EPOCH: &str = "1970-01-01T00:00:00Z";
/// The first second of year 2: nothing before it is a date that a server meant.
const YEAR_2_SECOND: i64 = -62_104_060_800;

impl Time {
    /// The point in time `at`.
    #[must_use]
    pub const fn at(at: Timestamp) -> Self {
        Self(Form::At(at))
    }

    /// No point in time; sent as the zero time of the servers, `0001-01-01T00:00:00Z`.
    #[must_use]
    pub const fn never() -> Self {
        Self(Form::Year1)
    }

    /// The point in time, if there is one. One that is later than what a [`Timestamp`] can hold (the last
    /// two days of year 9999) is [`Timestamp::MAX`]; it still goes back as it came.
    #[must_use]
    pub fn get(&self) -> Option<Timestamp> {
        match &self.0 {
            Form::At(at) => Some(*at),
            Form::Verbatim(kept) => kept.0,
            Form::Null | Form::Year1 | Form::Epoch => None,
        }
    }

    /// Reads RFC 3339 with up to nine digits of a second's fraction and any offset. Also reads the way in
    /// which file headers have it: `2026-11-22 02:40:25 +0000 UTC`.
    ///
    /// # Errors
    /// [`BadTime`] if `text` is neither.
    pub fn parse(text: &str) -> Result<Self, BadTime> {
        match text {
            "" => return Ok(Self(Form::Null)),
            YEAR_1 => return Ok(Self(Form::Year1)),
            EPOCH => return Ok(Self(Form::Epoch)),
            _ => {}
        }
        let (second, nano) = instant(text.as_bytes()).ok_or(BadTime)?;
        let verbatim = |at| Ok(Self(Form::Verbatim(Box::new((at, text.to_owned())))));
        if second < YEAR_2_SECOND || (second, nano) == (0, 0) {
            return verbatim(None);
        }
        match Timestamp::new(second, nano) {
            Ok(at) => Ok(Self(Form::At(at))),
            Err(_) => verbatim(Some(Timestamp::MAX)),
        }
    }
}

/// A text that is no point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadTime;

impl fmt::Display for BadTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a time such as 2026-11-22T03:32:44.076244896Z")
    }
}

impl std::error::Error for BadTime {}

/// Seconds since 1970 and nanoseconds, or nothing if `text` is malformed.
fn instant(text: &[u8]) -> Option<(i64, i32)> {
    let (date, rest) = text.split_at_checked(19)?;
    if date[4] != b'-'
        || date[7] != b'-'
        || date[13] != b':'
        || date[16] != b':'
        || !matches!(date[10], b'T' | b't' | b' ')
    {
        return None;
    }
    let number = |from: usize, to: usize| digits(&date[from..to]);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month)
        || day < 1
        || day > days_of(year, month)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let (nano, zone) = fraction(rest)?;
    // A leap second is the last one of its minute.
    let local = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second.min(59);
    Some((local - offset(zone)?, nano))
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

fn fraction(rest: &[u8]) -> Option<(i32, &[u8])> {
    let Some((b'.' | b',', rest)) = rest.split_first() else { return Some((0, rest)) };
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&count) {
        return None;
    }
    let (fraction, zone) = rest.split_at(count);
    let nano = digits(fraction)? * 10_i64.pow(9 - u32::try_from(count).ok()?);
    Some((i32::try_from(nano).ok()?, zone))
}

/// The offset in seconds of `Z`, `+01:00`, or ` +0100 CET`.
fn offset(zone: &[u8]) -> Option<i64> {
    let (zone, spaced) = match zone.split_first() {
        Some((b' ', rest)) => (rest, true),
        _ => (zone, false),
    };
    if matches!(zone, b"Z" | b"z") {
        return Some(0);
    }
    let (sign, rest) = match zone.split_first()? {
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return None,
    };
    let (hour, rest) = rest.split_at_checked(2)?;
    let rest = rest.strip_prefix(b":").unwrap_or(rest);
    let (minute, name) = rest.split_at_checked(2)?;
    if !(name.is_empty() || spaced && name.starts_with(b" ")) {
        return None;
    }
    let (hour, minute) = (digits(hour)?, digits(minute)?);
    (hour <= 23 && minute <= 59).then_some(sign * (hour * 3600 + minute * 60))
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar; years run from March, so that the leap day is last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl fmt::Display for Time {
    /// RFC 3339, or `never`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Some(at) => fmt::Display::fmt(&at, f),
            None => f.write_str("never"),
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Time {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Time {}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self::at(at)
    }
}

impl Field for Time {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read_text(from, Self::parse)?.map_err(de::Error::custom)
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Form::Null => to.serialize_unit(),
            Form::Year1 => to.serialize_str(YEAR_1),
            Form::Epoch => to.serialize_str(EPOCH),
            Form::At(at) => to.collect_str(at),
            Form::Verbatim(kept) => to.serialize_str(&kept.1),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::read(from)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.write(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{from_value, json, to_value};

    #[test]
    fn unset_times_are_none_and_go_back_unchanged() {
        for unset in [
            json!(null),
            json!("0001-01-01T00:00:00Z"),
            json!("1970-01-01T00:00:00Z"),
            json!("0001-01-01T00:53:28+00:53"),
            json!("0001-01-01T00:00:00+14:00"),
            json!("0000-12-31T10:00:00.5-02:00"),
            json!("1970-01-01T01:00:00+01:00"),
        ] {
            let time: Time = from_value(unset.clone()).unwrap();
            assert_eq!(time.get(), None, "{unset}");
            assert_eq!(to_value(&time).unwrap(), unset);
            assert_eq!(time, Time::never());
        }
    }

    #[test]
    fn a_set_time_goes_back_as_the_same_instant_in_utc() {
        for (got, sent) in [
            ("2026-11-22T03:32:44.076244896Z", "2026-11-22T03:32:44.076244896Z"),
            ("2026-11-22T03:32:13.58290916Z", "2026-11-22T03:32:13.58290916Z"),
            ("2026-11-22T03:32:13.580000000Z", "2026-11-22T03:32:13.58Z"),
            ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z"),
            ("2023-11-14T22:13:20+02:30", "2023-11-14T19:43:20Z"),
            ("2024-02-29T23:59:59-00:01", "2024-03-01T00:00:59Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
        ] {
            let time = Time::parse(got).unwrap();
            assert_eq!(to_value(&time).unwrap(), json!(sent));
            assert_eq!(time.get(), Some(got.replace(":60Z", ":59Z").parse().unwrap()), "{got}");
        }
    }

    #[test]
    fn the_end_of_the_calendar_is_kept() {
        let last = "9999-12-31T23:59:59Z";
        let time = Time::parse(last).unwrap();
        assert_eq!(time.get(), Some(Timestamp::MAX));
        assert_eq!(to_value(&time).unwrap(), json!(last));
        assert!(Time::parse("9999-12-31T23:59:59-23:59").is_ok());
    }

    #[test]
    fn file_headers_are_read() {
        let time = Time::parse("2026-11-22 02:40:25 +0000 UTC").unwrap();
        assert_eq!(time.get(), Some("2026-11-22T02:40:25Z".parse().unwrap()));
        let time = Time::parse("2026-11-22 02:40:25.25 +0100 CET").unwrap();
        assert_eq!(time.get(), Some("2026-11-22T01:40:25.25Z".parse().unwrap()));
    }

    #[test]
    fn what_is_no_time_is_an_error() {
        for bad in [
            "x",
            "2026",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-01-01T00:00:00+1",
            "2026-01-01T00:00:00Zx",
            "2026-01-01T00:00:00+25:00",
            "+026-01-01T00:00:00Z",
            "2026-01-01T00:00:00é",
            "10000-01-01T00:00:00Z",
            "2026-01-01T00:00:00+01:00 CET",
        ] {
            assert_eq!(Time::parse(bad), Err(BadTime), "{bad}");
            assert!(from_value::<Time>(json!(bad)).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = Time::parse(&text);
        }

        #[test]
        fn near_misses_do_not_panic(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{0,10})?(Z|[+-][0-9]{2}:?[0-9]{2})?") {
            let _ = Time::parse(&text);
        }

        #[test]
        fn every_instant_round_trips(second in -62_104_060_800_i64..253_402_207_200, nano in 1_i32..1_000_000_000) {
            let at = Timestamp::new(second, nano).unwrap();
            prop_assert_eq!(Time::parse(&at.to_string()).unwrap().get(), Some(at));
        }
    }
}
