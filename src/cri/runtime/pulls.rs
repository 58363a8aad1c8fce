//! Images: pulled over virtual time, and there.

use std::time::Duration;

use super::{Pull, Runtime};
use crate::images;
use crate::images::{Image, PullError, Reference};
use crate::sim::Time;

impl Runtime {
    /// The image of that name, if it is present at `now`.
    pub fn image_status(&self, image: &str, now: Time) -> Option<&Image> {
        let reference = Reference::parse(image).ok()?;
        self.images.get(&reference.to_string()).filter(|(present, _)| *present <= now).map(|(_, image)| image)
    }

    /// Begins to pull an image. It is present from `done_at` on when that works.
    pub fn pull(&mut self, image: &str, now: Time) -> Pull {
        let reference = match Reference::parse(image) {
            Ok(reference) => reference,
            Err(invalid) => {
                let message = format!("failed to parse reference \"{image}\": {invalid}");
                return Pull { done_at: now, result: Err(PullError { code: "InvalidArgument", message }) };
            }
        };
        let name = reference.to_string();
        if let Some((present, image)) = self.images.get(&name) {
            // A check with the registry, or the wait for a pull that is under way.
            return Pull { done_at: (*present).max(now + Duration::from_millis(400)), result: Ok(image.clone()) };
        }
        match self.config.catalog.resolve(&reference) {
            Ok(image) => {
                let done_at = now + images::pull_duration(image.size);
                self.images.insert(name, (done_at, image.clone()));
                Pull { done_at, result: Ok(image) }
            }
            Err(error) => Pull { done_at: now + Duration::from_millis(600), result: Err(error) },
        }
    }

    /// Puts an image onto the node without a pull, as a node image brings it. Whether the name exists.
    pub fn preload(&mut self, image: &str) -> bool {
        let Ok(reference) = Reference::parse(image) else { return false };
        match self.config.catalog.resolve(&reference) {
            Ok(image) => {
                self.images.insert(reference.to_string(), (Time::default(), image));
                true
            }
            Err(_) => false,
        }
    }
}
