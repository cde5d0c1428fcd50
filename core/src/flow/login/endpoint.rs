use super::error::{BadAddress, LoginError};
use crate::call::{Request, Target};
use crate::wire::{Origin, Scheme};

/// A place of a provider that requests are sent to.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    origin: Origin,
    target: Target,
}

/// Most bytes of an answer.
const LONGEST: usize = 256 << 10;

impl Endpoint {
    /// Reads the URL `url`, which is the provider's `of`.
    ///
    /// Without TLS it is taken only within this machine, and only if the issuer is so, too (`plain`).
    pub(super) fn read(of: &'static str, url: &str, plain: bool) -> Result<Self, LoginError> {
        let bad = |why| LoginError::BadAddress { of, why };
        let (origin, path) = Origin::of_url(url).map_err(|error| bad(BadAddress::Origin(error)))?;
        if origin.scheme() != Scheme::Https && !(plain && origin.is_loopback()) {
            return Err(bad(BadAddress::Plain));
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let target = Target::foreign(&path);
        target.text().map_err(|_| bad(BadAddress::Path))?;
        Ok(Self { origin, target })
    }

    /// Where the issuer `url` says what it is, and whether it does so without TLS.
    pub(super) fn of_issuer(url: &str) -> Result<(Self, bool), LoginError> {
        if url.contains('?') {
            return Err(LoginError::BadAddress { of: "issuer", why: BadAddress::Path });
        }
        let url = url.strip_suffix('/').unwrap_or(url);
        let document = Self::read("issuer", &format!("{url}/.well-known/openid-configuration"), true)?;
        let plain = document.origin.scheme() == Scheme::Http;
        Ok((document, plain))
    }

    /// Checks a page that the user is to open.
    pub(super) fn check_page(of: &'static str, url: &str, plain: bool) -> Result<(), LoginError> {
        // What follows a # never leaves the browser; it must not do anything to a terminal.
        let (page, fragment) = url.split_once('#').unwrap_or((url, ""));
        if !fragment.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(LoginError::BadAddress { of, why: BadAddress::Path });
        }
        Self::read(of, page, plain).map(drop)
    }

    pub(super) fn get(&self) -> Request {
        self.asked(Request::get(self.target.clone()))
    }

    pub(super) fn post(&self, form: &[(&str, &str)]) -> Request {
        self.asked(Request::post(self.target.clone()).form(form))
    }

    fn asked(&self, request: Request) -> Request {
        let accept = crate::call::Field::Plain("Accept");
        request.field(accept, "application/json").to(self.origin.clone()).at_most(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::OriginError;

    fn read(url: &str, plain: bool) -> Result<String, BadAddress> {
        match Endpoint::read("token_endpoint", url, plain) {
            Ok(endpoint) => Ok(endpoint.get().line()),
            Err(LoginError::BadAddress { why, .. }) => Err(why),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn only_what_stays_secret_is_asked() {
        assert_eq!(read("https://idp/token", false).as_deref(), Ok("GET https://idp:443/token"));
        assert_eq!(read("https://idp:8443", false).as_deref(), Ok("GET https://idp:8443/"));
        assert_eq!(read("https://idp?a=b", false).as_deref(), Ok("GET https://idp:443/"));
        assert_eq!(read("http://idp/token", false), Err(BadAddress::Plain));
        assert_eq!(read("http://idp/token", true), Err(BadAddress::Plain));
        assert_eq!(read("http://127.0.0.1/token", false), Err(BadAddress::Plain));
        assert_eq!(read("http://[::1]:81/token", true).as_deref(), Ok("GET http://[::1]:81/token"));
        assert_eq!(read("https://idp/a/../b", false), Err(BadAddress::Path));
        assert_eq!(read("https://idp//a", false), Err(BadAddress::Path));
        assert_eq!(read("https://idp/a b", false), Err(BadAddress::Origin(OriginError::BadCharacter)));
        assert_eq!(read("file:///etc/passwd", true), Err(BadAddress::Origin(OriginError::BadScheme)));
        assert_eq!(read("/token", true), Err(BadAddress::Origin(OriginError::NoScheme)));
    }

    #[test]
    fn an_issuer_says_what_it_is_at_a_known_place() {
        let place = |url| Endpoint::of_issuer(url).map(|(endpoint, plain)| (endpoint.get().line(), plain));
        let line = "GET https://idp:443/.well-known/openid-configuration".to_owned();
        assert_eq!(place("https://idp"), Ok((line.clone(), false)));
        assert_eq!(place("https://idp/"), Ok((line, false)));
        let line = "GET http://localhost:9/realms/a/.well-known/openid-configuration".to_owned();
        assert_eq!(place("http://localhost:9/realms/a"), Ok((line, true)));
        for bad in ["", "idp", "http://idp", "https://idp?a", "https://idp#a", "https://", "javascript:x"] {
            assert!(matches!(place(bad), Err(LoginError::BadAddress { of: "issuer", .. })), "{bad:?}");
        }
    }

    #[test]
    fn a_page_can_be_opened_and_printed() {
        let page = |url| Endpoint::check_page("verification_uri", url, false).is_ok();
        assert!(page("https://idp/device") && page("https://idp/#/device?user_code=A-B"));
        for bad in
            ["javascript:alert(1)", "file:///x", "http://idp/", "https://idp/\x1b[2J", "https://idp/#\x1b"]
        {
            assert!(!page(bad), "{bad:?}");
        }
    }
}
