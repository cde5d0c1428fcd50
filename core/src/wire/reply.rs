use http::StatusCode;

use super::head::Field;

/// A response, lent out of the connection's buffers.
#[derive(Clone, Copy)]
pub struct Reply<'a> {
    pub(super) status: StatusCode,
    pub(super) head: &'a [u8],
    pub(super) fields: &'a [Field],
    pub(super) body: &'a [u8],
}

impl<'a> Reply<'a> {
    /// The HTTP status. On its own it does not tell success: see [`crate::model::Answer`].
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The body as far as it was collected; empty when it was streamed.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The first field of that name, in any case. Values may hold bytes that are no UTF-8.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.fields().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The first field of that name, if it is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.field(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The media type, without parameters.
    #[must_use]
    pub fn media_type(&self) -> Option<&'a str> {
        self.text("content-type").map(|value| value.split(';').next().unwrap_or_default().trim())
    }

    /// All fields in their order, with names as the server spells them.
    #[must_use]
    pub const fn fields(&self) -> Fields<'a> {
        Fields { head: self.head, fields: self.fields }
    }
}

impl std::fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reply({}, {} bytes)", self.status, self.body.len())
    }
}

/// The header fields of a [`Reply`].
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    head: &'a [u8],
    fields: &'a [Field],
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (field, rest) = self.fields.split_first()?;
        self.fields = rest;
        let name = self.head.get(field.name.clone()).and_then(|name| std::str::from_utf8(name).ok());
        Some((name.unwrap_or_default(), self.head.get(field.value.clone()).unwrap_or_default()))
    }
}
