use super::LoginError;
use super::answer::{Answer, shown};
use super::endpoint::Endpoint;
use crate::call::{self, Field, Flavour, Request, Target};
use crate::flow::FlowError;
use crate::model::Server;
use crate::wire::Reply;

/// What is asked for where the server says nothing: who the user is, and a refresh token.
const SCOPES: &str = "openid offline_access email";

const DEVICE: &str = "device_authorization_endpoint";

/// The way from a server to the provider that it trusts.
#[derive(Debug)]
pub(super) enum Inquiry {
    /// The server is asked.
    Server,
    /// The issuer is asked.
    Issuer(Box<Offer>),
}

/// Where an [`Inquiry`] has come to.
pub(super) enum Progress {
    /// There is more to ask.
    Next(Inquiry),
    /// At the provider.
    Found(Box<Provider>),
}

/// What a server says about logging in.
#[derive(Debug)]
pub(super) struct Offer {
    issuer: String,
    /// Where the issuer says what it is.
    document: Endpoint,
    /// The issuer is within this machine, without TLS.
    pub(super) plain: bool,
    /// Who we are to the provider.
    pub(super) client: String,
    /// Whom the tokens must be for.
    pub(super) audience: Option<String>,
    /// What is asked for, with spaces between.
    pub(super) scope: String,
}

/// A provider, and what a server says about logging in there.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) offer: Box<Offer>,
    pub(super) token: Endpoint,
    pub(super) device: Option<Endpoint>,
}

impl Inquiry {
    /// What is asked next.
    pub(super) fn request(&self) -> Request {
        match self {
            // Servers say how to log in to who fails to: an empty token is no token, and yet an attempt.
            Self::Server => Request::get(Target::at("/1.0")).field(Field::Plain("Authorization"), "Bearer"),
            Self::Issuer(offer) => offer.document.get(),
        }
    }

    pub(super) fn reply(self, reply: &Reply<'_>) -> Result<Progress, FlowError> {
        match self {
            Self::Server => Ok(Progress::Next(Self::Issuer(Box::new(Offer::read(reply)?)))),
            Self::Issuer(offer) => Ok(Progress::Found(Provider::read(offer, Answer::read(reply)?)?)),
        }
    }
}

impl Offer {
    fn read(reply: &Reply<'_>) -> Result<Self, FlowError> {
        for flavour in [Flavour::Incus, Flavour::Lxd] {
            let field = |name| reply.text(&format!("{}OIDC-{name}", flavour.field_prefix()));
            let field = |name| field(name).filter(|value| !value.is_empty()).map(str::to_owned);
            let (Some(issuer), Some(client)) = (field("issuer"), field("clientid")) else { continue };
            let scope = match (field("scopes"), flavour) {
                (Some(scopes), _) => list(&scopes),
                (None, Flavour::Incus) => SCOPES.into(),
                (None, Flavour::Lxd) => {
                    format!("{SCOPES} profile {}", field("groups-claim").unwrap_or_default())
                }
            };
            let (document, plain) = Endpoint::of_issuer(&issuer)?;
            let (audience, scope) = (field("audience"), scope.trim().to_owned());
            return Ok(Self { issuer, document, plain, client, audience, scope });
        }
        Err(match call::value::<Server>(reply) {
            Ok(server) if server.is_trusted() => LoginError::Trusted.into(),
            Err(error) if !matches!(error.code(), Some(401 | 403)) => error.into(),
            _ => LoginError::NotOffered.into(),
        })
    }
}

/// Scopes as Incus writes them, with commas between, or as LXD does, as JSON; here with spaces between.
fn list(scopes: &str) -> String {
    match serde_json::from_str::<Vec<String>>(scopes) {
        Ok(scopes) => scopes.join(" "),
        Err(_) => scopes.split(',').map(str::trim).collect::<Vec<_>>().join(" "),
    }
}

impl Provider {
    fn read(offer: Box<Offer>, mut document: Answer) -> Result<Box<Self>, LoginError> {
        let found = document.needed("issuer")?;
        if found != offer.issuer {
            return Err(LoginError::WrongIssuer { expected: shown(&offer.issuer), found: shown(&found) });
        }
        let plain = offer.plain;
        let token = Endpoint::read("token_endpoint", &document.needed("token_endpoint")?, plain)?;
        let device = document.text(DEVICE)?.map(|url| Endpoint::read(DEVICE, &url, plain)).transpose()?;
        Ok(Box::new(Self { offer, token, device }))
    }
}
