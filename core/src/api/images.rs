use std::collections::BTreeMap;

use ::bytes::Bytes;
use serde::Serialize;

use super::listing::{Listing, listed};
use super::scope::{Scope, scoped};
use crate::call::{self, Call, CallError, ETag, Field, Request, Tagged, Target};
use crate::flow::{Chain, Download, Edit, Ended, IntoFlow, Settle, Single, Upload};
use crate::model::{Fingerprint, Image, ImageAlias, ImageAliasCreate, Reference};
use crate::wire::{Payload, Reply};

/// The images of the client's project.
#[must_use]
pub fn images() -> ImagesHandle {
    ImagesHandle::default()
}

/// The image of that fingerprint, or of a unique prefix of it.
#[must_use]
pub fn image(fingerprint: impl Into<Fingerprint>) -> ImageHandle {
    ImageHandle { fingerprint: fingerprint.into(), scope: Scope::default() }
}

/// The images of a project, or of all.
#[derive(Debug, Clone, Default)]
pub struct ImagesHandle {
    scope: Scope,
    listing: Listing,
}

scoped!(ImagesHandle, ImageHandle);
listed!(ImagesHandle);

impl ImagesHandle {
    /// `GET /1.0/images`: where they are, which holds their fingerprints.
    #[must_use]
    pub fn names(&self) -> Call<Vec<Reference>> {
        self.listing.names(Target::at("/1.0/images"), &self.scope, "images_all_projects")
    }

    /// `GET /1.0/images?recursion=1`: the images.
    #[must_use]
    pub fn all(&self) -> Call<Vec<Image>> {
        self.listing.call(Target::at("/1.0/images"), &self.scope, 1, "images_all_projects")
    }

    /// The image that an alias names: `GET /1.0/images/aliases/ALIAS`, then `GET /1.0/images/FINGERPRINT`.
    #[must_use]
    pub fn by_alias(&self, alias: impl Into<String>) -> Chain<Tagged<ImageAlias>, Single<Tagged<Image>>> {
        let scope = self.scope.clone();
        let alias = super::AliasHandle { name: alias.into(), scope: scope.clone() };
        Chain::new(alias.get(), move |alias| {
            let fingerprint = alias.value.target;
            ImageHandle { fingerprint, scope }.get().into_flow()
        })
    }

    /// `POST /1.0/images`: makes an image of a tarball.
    #[must_use]
    pub fn import(&self) -> ImageImport {
        ImageImport {
            scope: self.scope.clone(),
            filename: None,
            public: false,
            properties: BTreeMap::new(),
            expected: None,
            aliases: Vec::new(),
        }
    }
}

/// An image to be made of a unified tarball: metadata and file system in one.
///
/// Ends with the fingerprint, the SHA-256 of the tarball. A server that has the image already says so by a
/// failed operation: see [`Error::is_already_exists`](crate::session::Error::is_already_exists).
#[derive(Debug, Clone)]
pub struct ImageImport {
    scope: Scope,
    filename: Option<String>,
    public: bool,
    properties: BTreeMap<String, String>,
    expected: Option<Fingerprint>,
    aliases: Vec<ImageAliasCreate>,
}

impl ImageImport {
    /// Gives the image this name once it is there (`POST /1.0/images/aliases`).
    #[must_use]
    pub fn alias(mut self, name: impl Into<String>) -> Self {
        self.aliases.push(ImageAliasCreate::new(name.into(), ""));
        self
    }

    /// Sets a property, beside those in the tarball's metadata.
    #[must_use]
    pub fn property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.insert(key.into(), value.into());
        self
    }

    /// Shows the image to everybody, without trust.
    #[must_use]
    pub const fn public(mut self) -> Self {
        self.public = true;
        self
    }

    /// The file name that the server keeps for it.
    #[must_use]
    pub fn filename(mut self, name: impl Into<String>) -> Self {
        self.filename = Some(name.into());
        self
    }

    /// The server checks that the tarball has this SHA-256.
    #[must_use]
    pub fn expect(mut self, fingerprint: impl Into<Fingerprint>) -> Self {
        self.expected = Some(fingerprint.into());
        self
    }

    /// From bytes in memory.
    #[must_use]
    pub fn bytes(self, tarball: impl Into<Bytes>) -> Settle<Fingerprint> {
        self.settle(Payload::Bytes(tarball.into()))
    }

    /// Streamed: `length` bytes that the handle is given.
    #[must_use]
    pub fn sized(self, length: u64) -> Upload<Fingerprint> {
        Upload::new(self.settle(Payload::Sized(length)))
    }

    /// Streamed: as many bytes as the handle is given.
    #[must_use]
    pub fn streamed(self) -> Upload<Fingerprint> {
        Upload::new(self.settle(Payload::Chunked))
    }

    fn settle(self, payload: Payload) -> Settle<Fingerprint> {
        let mut request = Request::post(self.scope.on(Target::at("/1.0/images"))).octets(payload);
        if self.public {
            request = request.field(Field::Own("public"), "true");
        }
        if let Some(name) = &self.filename {
            request = request.field(Field::Own("filename"), name);
        }
        if let Some(fingerprint) = &self.expected {
            request = request.field(Field::Own("fingerprint"), fingerprint.as_str());
        }
        if !self.properties.is_empty() {
            // The field holds a query: its escaping is that of one.
            let query =
                self.properties.iter().fold(Target::at(""), |query, (key, value)| query.query(key, value));
            let text = query.text().unwrap_or_default().trim_start_matches('?').to_owned();
            request = request.field(Field::Own("properties"), text);
        }
        let mut settle = Settle::new(request, fingerprint);
        for mut alias in self.aliases {
            let target = self.scope.on(Target::at("/1.0/images/aliases"));
            settle = settle.then(move |fingerprint: &Fingerprint| {
                alias.target = fingerprint.clone();
                Request::post(target).json(&alias)
            });
        }
        settle
    }
}

/// The fingerprint of the image that an operation made.
pub(super) fn fingerprint(ended: Ended) -> Result<Fingerprint, CallError> {
    let found = match &ended {
        Ended::Operation(operation) => operation.fingerprint(),
        Ended::AtOnce(content) => {
            content.get("fingerprint").and_then(|text| text.as_str()).map(Fingerprint::from)
        }
    };
    found.ok_or_else(|| CallError::Malformed {
        status: 202,
        why: "the server does not say which fingerprint the image has".into(),
    })
}

/// One image, by fingerprint.
#[derive(Debug, Clone)]
pub struct ImageHandle {
    fingerprint: Fingerprint,
    scope: Scope,
}

/// What the head of an exported image says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageExport {
    /// The length of the tarball in bytes, if the server told.
    pub length: Option<u64>,
    /// The file name that the server suggests.
    pub filename: Option<String>,
    /// The boundary between the parts, if the image is a split one: its two files come as one multipart body.
    pub boundary: Option<String>,
}

impl ImageHandle {
    fn target(&self) -> Target {
        Target::at("/1.0/images").name("image", &self.fingerprint)
    }

    fn here(&self) -> Target {
        self.scope.on(self.target())
    }

    /// `GET /1.0/images/FINGERPRINT`.
    #[must_use]
    pub fn get(&self) -> Call<Tagged<Image>> {
        Request::get(self.here()).answered(call::tagged)
    }

    /// `GET /1.0/images/FINGERPRINT`: whether it exists.
    #[must_use]
    pub fn exists(&self) -> Call<bool> {
        Request::get(self.here()).answered(call::exists)
    }

    /// `PUT /1.0/images/FINGERPRINT`: all that can be set, as `image` has it.
    #[must_use]
    pub fn replace(&self, image: &Image, etag: Option<&ETag>) -> Settle<()> {
        Settle::plain(Request::put(self.here()).json(&image.writable()).if_match(etag))
    }

    /// `PATCH /1.0/images/FINGERPRINT`: only what `change` names.
    #[must_use]
    pub fn patch(&self, change: &impl Serialize) -> Settle<()> {
        Settle::plain(Request::patch(self.here()).json(change))
    }

    /// Get, change, put, and again if somebody else changed it meanwhile.
    #[must_use]
    pub fn edit<F: FnMut(&mut Image)>(&self, change: F) -> Edit<Image, F> {
        Edit::new(self.here(), change)
    }

    /// `DELETE /1.0/images/FINGERPRINT`.
    #[must_use]
    pub fn delete(&self) -> Settle<()> {
        Settle::plain(Request::delete(self.here()))
    }

    /// `GET /1.0/images/FINGERPRINT/export`, streamed: the handle reads the tarball.
    #[must_use]
    pub fn export(&self) -> Download<ImageExport> {
        Download::new(Request::get(self.scope.on(self.target().then("export"))), export_head)
    }
}

fn export_head(reply: &Reply<'_>) -> Result<ImageExport, CallError> {
    if !reply.status().is_success() {
        return Err(call::refusal(reply));
    }
    let parameter = |field: &str, key: &str| {
        let value = reply.text(field)?;
        value.split(';').filter_map(|part| part.trim().split_once('=')).find_map(|(name, value)| {
            name.eq_ignore_ascii_case(key).then(|| value.trim_matches('"').to_owned())
        })
    };
    Ok(ImageExport {
        length: reply.text("content-length").and_then(|length| length.parse().ok()),
        filename: parameter("content-disposition", "filename").filter(|name| !name.is_empty()),
        boundary: parameter("content-type", "boundary"),
    })
}
