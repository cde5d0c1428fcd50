use super::listing::list;
use super::scope::{Scope, scoped};
use crate::call::{self, Call, ETag, Request, Tagged, Target};
use crate::flow::{Edit, Settle};
use crate::model::{Fingerprint, ImageAlias, ImageAliasCreate, Name, Reference};

/// The image aliases of the client's project.
#[must_use]
pub fn image_aliases() -> AliasesHandle {
    AliasesHandle::default()
}

/// The image alias of that name, which may hold slashes and spaces.
#[must_use]
pub fn image_alias(name: impl Into<String>) -> AliasHandle {
    AliasHandle { name: name.into(), scope: Scope::default() }
}

/// The image aliases of a project.
#[derive(Debug, Clone, Default)]
pub struct AliasesHandle {
    scope: Scope,
}

/// One image alias, by name.
#[derive(Debug, Clone)]
pub struct AliasHandle {
    pub(super) name: String,
    pub(super) scope: Scope,
}

scoped!(AliasesHandle, AliasHandle);

impl AliasesHandle {
    /// `GET /1.0/images/aliases`: where they are, which holds their names.
    #[must_use]
    pub fn names(&self) -> Call<Vec<Reference>> {
        Request::get(self.scope.on(Target::at("/1.0/images/aliases"))).answered(list)
    }

    /// `GET /1.0/images/aliases?recursion=1`: the aliases.
    #[must_use]
    pub fn all(&self) -> Call<Vec<ImageAlias>> {
        let target = self.scope.on(Target::at("/1.0/images/aliases"));
        Request::get(target.query("recursion", "1")).answered(list)
    }
}

impl AliasHandle {
    fn here(&self) -> Target {
        self.scope.on(Target::at("/1.0/images/aliases").free_name("image alias", &self.name))
    }

    /// `GET /1.0/images/aliases/NAME`.
    #[must_use]
    pub fn get(&self) -> Call<Tagged<ImageAlias>> {
        Request::get(self.here()).answered(call::tagged)
    }

    /// `GET /1.0/images/aliases/NAME`: whether it exists.
    #[must_use]
    pub fn exists(&self) -> Call<bool> {
        Request::get(self.here()).answered(call::exists)
    }

    /// `POST /1.0/images/aliases`: makes it name this image.
    #[must_use]
    pub fn create(&self, image: impl Into<Fingerprint>, description: impl Into<String>) -> Settle<()> {
        let mut body = ImageAliasCreate::new(self.name.as_str(), image);
        body.description = description.into();
        Settle::plain(self.named(Request::post(self.scope.on(Target::at("/1.0/images/aliases"))).json(&body)))
    }

    /// The request, refused if the alias can be nobody's name.
    fn named(&self, mut request: Request) -> Request {
        if let Err(error) = self.here().text() {
            request.target.refuse(error);
        }
        request
    }

    /// `PUT /1.0/images/aliases/NAME`: target and description, as `alias` has them.
    #[must_use]
    pub fn replace(&self, alias: &ImageAlias, etag: Option<&ETag>) -> Settle<()> {
        Settle::plain(Request::put(self.here()).json(&alias.writable()).if_match(etag))
    }

    /// Get, change, put, and again if somebody else changed it meanwhile.
    #[must_use]
    pub fn edit<F: FnMut(&mut ImageAlias)>(&self, change: F) -> Edit<ImageAlias, F> {
        Edit::new(self.here(), change)
    }

    /// `POST /1.0/images/aliases/NAME`: gives it another name.
    #[must_use]
    pub fn rename(&self, name: impl Into<String>) -> Settle<Name> {
        let name = Name::from(name.into());
        let request = Request::post(self.here()).json(&serde_json::json!({ "name": name }));
        let other = Self { name: name.as_str().into(), scope: Scope::default() };
        Settle::new(other.named(request), |_| Ok(name))
    }

    /// `DELETE /1.0/images/aliases/NAME`. The image stays.
    #[must_use]
    pub fn delete(&self) -> Settle<()> {
        Settle::plain(Request::delete(self.here()))
    }
}
