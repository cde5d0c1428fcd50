//! Images and their aliases: uploaded, made of instances, found, changed, exported.
//!
//! ```text
//!  bytes ──► upload ──► archive (compression, metadata.yaml) ──► Image ──► source ──► an instance
//!  an instance ──► publish ──────────────────────────────────────┘  └───► export ──► bytes
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `image`    | an image, and where it is found; lists, changes, deletion |
//! | `builtin`  | the one that is there from the start |
//! | `upload`   | what `POST /1.0/images` is: an upload or JSON |
//! | `multipart`| the parts of an image that comes in two |
//! | `archive`  | what a tarball says of itself |
//! | `yaml`     | `metadata.yaml`, read and written |
//! | `export`   | the bytes again, and secrets for those who may not ask |
//! | `source`   | which image an instance is to be made of |
//! | `publish`  | an image of an instance |
//! | `aliases`  | names for images |

mod aliases;
mod archive;
mod builtin;
mod export;
mod image;
mod multipart;
mod publish;
mod source;
#[cfg(test)]
mod tests;
mod upload;
mod yaml;

pub(crate) use aliases::{
    Alias, create as create_alias, delete as delete_alias, get as get_alias, list as list_aliases,
    patch as patch_alias, put as put_alias, rename as rename_alias,
};
pub(crate) use builtin::{another, first, first_alias};
pub(crate) use export::{export, push, secret};
pub(crate) use image::{Image, delete, get, list, patch, put, refresh};
pub(crate) use source::Chosen;
pub(crate) use upload::create;
