//! Who takes part in a login: a shop, which is an Incus, and the identity provider that it trusts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lxio_core::session::{Remote, Via};
use lxio_core::wire::Trust;
use lxio_tests::answers::{greeting, http, json_reply, refusal, refused, sync};
use lxio_tests::script::Request;
use serde_json::json;

use super::site::{Proof, Site, fixture};

/// What the user and the clock do.
#[derive(Default)]
pub(crate) struct Course {
    /// The access token that the shop takes.
    pub(crate) taken: Option<String>,
    /// The user declines.
    pub(crate) denies: bool,
    /// How often the provider was asked how a login goes.
    asked: usize,
    /// How many tokens it gave.
    given: usize,
}

pub(crate) struct Cast {
    pub(crate) shop: Site,
    pub(crate) provider: Site,
    course: Arc<Mutex<Course>>,
}

impl Cast {
    /// A provider that proves itself so, and a shop that trusts it.
    pub(crate) fn of(proof: Proof) -> Self {
        let course: Arc<Mutex<Course>> = Arc::default();
        let provider = Site::start(proof, |url| {
            let course = Arc::clone(&course);
            move |request| answer_of_provider(&url, request, &mut lock(&course))
        });
        let shop = shop(provider.url.clone(), Arc::clone(&course));
        Self { shop, provider, course }
    }

    pub(crate) fn course(&self) -> MutexGuard<'_, Course> {
        lock(&self.course)
    }

    /// The shop, its certificate pinned.
    pub(crate) fn remote(&self) -> Remote {
        remote(&self.shop)
    }
}

fn lock(course: &Mutex<Course>) -> MutexGuard<'_, Course> {
    course.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn remote(shop: &Site) -> Remote {
    let certificate = std::fs::read(fixture("self-signed.crt")).unwrap();
    let remote = Remote::https(&shop.url).unwrap().trust(Trust::pinned(&certificate).unwrap());
    remote.via(Via::Direct)
}

/// An Incus that knows strangers, and whoever has the right token.
pub(crate) fn shop(issuer: String, course: Arc<Mutex<Course>>) -> Site {
    Site::start(Proof::Own, |_| {
        move |request: &Request| {
            let offer = [
                ("Content-Type", "application/json"),
                ("X-Incus-OIDC-issuer", &*issuer),
                ("X-Incus-OIDC-clientid", "lxio"),
                ("X-Incus-OIDC-audience", ""),
            ];
            let token = request.field("authorization");
            let right = lock(&course).taken.as_ref().map(|token| format!("Bearer {token}"));
            match (&*request.line(), token) {
                ("GET /1.0", Some(token)) if Some(&token) == right.as_ref() => greeting("incus"),
                (_, Some(token)) if Some(&token) == right.as_ref() => sync(&json!(["/1.0/instances/c1"])),
                ("GET /1.0", None) => sync(&json!({
                    "api_extensions": ["restrict_dev_incus", "projects"], "api_status": "stable", "api_version": "1.0",
                    "auth": "untrusted", "auth_methods": ["tls", "oidc"], "public": false,
                })),
                (_, Some(_)) => {
                    let body = refusal(401, "not authorized").to_string();
                    http("401 Unauthorized", &offer, body.as_bytes())
                }
                (_, None) => refused(403, "not authorized"),
            }
        }
    })
}

fn answer_of_provider(url: &str, request: &Request, course: &mut Course) -> Vec<u8> {
    let form = String::from_utf8_lossy(&request.body).into_owned();
    let answer = match &*request.line() {
        "GET /.well-known/openid-configuration" => json!({
            "issuer": url,
            "token_endpoint": format!("{url}/token"),
            "device_authorization_endpoint": format!("{url}/device"),
            "authorization_endpoint": format!("{url}/authorize"),
            "jwks_uri": format!("{url}/keys"),
        }),
        "POST /device" => json!({
            "device_code": "the-device-code", "user_code": "WDJB-MJHT", "expires_in": 900, "interval": 1,
            "verification_uri": format!("{url}/activate"),
        }),
        "POST /token" if form.contains("device_code=the-device-code") => {
            course.asked += 1;
            match course.asked {
                1 => return json_reply("400 Bad Request", &json!({"error": "authorization_pending"})),
                _ if course.denies => {
                    return json_reply("400 Bad Request", &json!({"error": "access_denied"}));
                }
                _ => course.give(),
            }
        }
        // Each is good once.
        "POST /token" if form.contains(&format!("refresh_token=refresh-{}&", course.given)) => course.give(),
        "POST /token" => return json_reply("400 Bad Request", &json!({"error": "invalid_grant"})),
        _ => return http("404 Not Found", &[], b""),
    };
    json_reply("200 OK", &answer)
}

impl Course {
    /// New tokens, which the shop takes from now on, and no others.
    fn give(&mut self) -> serde_json::Value {
        self.given += 1;
        let number = self.given;
        self.taken = Some(format!("access-{number}"));
        json!({
            "access_token": format!("access-{number}"), "refresh_token": format!("refresh-{number}"),
            "token_type": "Bearer", "expires_in": 300,
        })
    }
}
