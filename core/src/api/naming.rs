//! Names in bodies: checked as those in paths are.

use serde_json::json;

use crate::bytes::check_name;
use crate::call::{Request, Target};
use crate::flow::Settle;
use crate::model::Name;

/// The request, refused if `name` can be nobody's name.
pub(super) fn checked(mut request: Request, kind: &'static str, name: &str) -> Request {
    if let Err(bad) = check_name(kind, name) {
        request.target.refuse(bad.into());
    }
    request
}

/// Gives what is at `target` another name.
pub(super) fn rename(target: Target, kind: &'static str, name: String) -> Settle<Name> {
    let name = Name::from(name);
    let request = Request::post(target).json(&json!({ "name": name }));
    Settle::new(checked(request, kind, &name), |_| Ok(name))
}
