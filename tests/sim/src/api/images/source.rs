use serde_json::{Map, Value};

use super::super::body::{self, Config};
use super::archive::open;
use super::image::Content;
use crate::http::Refusal;
use crate::machine::files::Files;
use crate::world::{Ending, World};

/// The image that an instance is to be made of.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    pub(crate) fingerprint: String,
    pub(crate) architecture: String,
    /// `container` or `virtual-machine`.
    pub(crate) kind: &'static str,
    pub(crate) properties: Config,
    pub(crate) profiles: Vec<String>,
    /// All of `metadata.yaml`.
    pub(crate) metadata: Value,
}

impl World {
    /// The image that `source` of an instance names: by fingerprint, by alias, by properties.
    ///
    /// `None` when there is no such image: the operation fails then, and not the request.
    pub(crate) fn image_for(
        &self,
        project: &str,
        source: &Map<String, Value>,
    ) -> Result<Option<Chosen>, Refusal> {
        let (fingerprint, alias) = (body::text(source, "fingerprint"), body::text(source, "alias"));
        let home = self.home(project, "images");
        let found = if !fingerprint.is_empty() {
            self.image_in(project, fingerprint)
        } else if !alias.is_empty() {
            match self.state.aliases.get(&(home.to_owned(), alias.to_owned())) {
                Some(alias) => self.image_in(project, &alias.target),
                // Only LXD refuses the request for it.
                None if self.is_lxd() => return Err(Refusal::new(404, "Image alias not found")),
                None => return Ok(None),
            }
        } else if let Some(properties) = source.get("properties").filter(|it| it.is_object()) {
            let wanted = body::config(Some(properties));
            let fits =
                |properties: &Config| wanted.iter().all(|(name, value)| properties.get(name) == Some(value));
            let images =
                self.state.images.iter().filter(|((project, _), it)| project == home && fits(&it.properties));
            let newest = images.max_by_key(|(_, it)| it.created);
            newest.ok_or_else(|| Refusal::new(500, "No matching image could be found"))
        } else {
            let text = "Must specify one of alias, fingerprint or properties for init from image";
            Err(Refusal::new(500, text))
        };
        match found {
            Ok(((_, fingerprint), it)) => Ok(Some(Chosen {
                fingerprint: fingerprint.clone(),
                architecture: it.architecture.clone(),
                kind: it.kind,
                properties: it.properties.clone(),
                profiles: it.profiles.clone(),
                metadata: it.metadata.clone(),
            })),
            Err(refusal) if refusal.code == 404 => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// The files of an image, for an instance that is made of it now.
    pub(crate) fn image_files(&mut self, project: &str, fingerprint: &str) -> Result<Files, Ending> {
        let now = self.time_of_day();
        let key = (self.home(project, "images").to_owned(), fingerprint.to_owned());
        let gone = || Ending::from(Refusal::new(404, "Image not found"));
        let image = self.state.images.get_mut(&key).ok_or_else(gone)?;
        image.used = Some(now);
        if let Some(files) = &image.unpacked {
            return Ok(files.clone());
        }
        let files = match &image.content {
            Content::BuiltIn => Files::busybox(),
            Content::Unified(bytes) => unpack(bytes)?.rooted_at(b"/rootfs").map_err(|why| failed(&why))?,
            Content::Split { rootfs, .. } => unpack(rootfs)?,
        };
        image.unpacked = Some(files.clone());
        Ok(files)
    }
}

fn unpack(archive: &bytes::Bytes) -> Result<Files, Ending> {
    let mut files = Files::default();
    files.unpack(open(archive).map_err(|why| failed(&why))?).map_err(|why| failed(&why))?;
    Ok(files)
}

fn failed(why: &dyn std::fmt::Display) -> Ending {
    Ending::new(format!("Failed creating instance from image: {why}"))
}
