//! Frames one after another: an animated GIF, or numbered pictures, for every method and class asked for.

use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use backlit::Request;
use backlit::figure::{Gif, Picture};
use backlit::net::files::{Sync, write_whole};

use super::failure::Failure;
use super::records::Manifest;
use super::view_args::AnimateArg;

/// The animations of a run. GIFs are encoded on threads of their own while the next frames are drawn.
pub(crate) struct Animation {
    kind: AnimateArg,
    milliseconds: u32,
    tracks: Vec<Track>,
}

struct Track {
    name: String,
    frames: usize,
    gif: Option<Writer>,
}

/// A GIF in the making. Unless it is told the end, it leaves no file.
struct Writer {
    send: SyncSender<Option<Picture>>,
    thread: JoinHandle<std::io::Result<()>>,
}

impl Animation {
    /// One track for every map of a photograph, in their order.
    pub(crate) fn begin(kind: AnimateArg, milliseconds: u32, request: &Request) -> Animation {
        let mut tracks = Vec::new();
        for recipe in &request.recipes {
            for objective in &request.objectives {
                let against = objective.against.map_or(String::new(), |a| format!("-{a}"));
                let name = format!("animation.{}.{}{against}", recipe.method(), objective.target);
                tracks.push(Track { name, frames: 0, gif: None });
            }
        }
        Animation { kind, milliseconds, tracks }
    }

    /// Adds a frame to a track and returns the name of the file that it goes to.
    pub(crate) fn push(&mut self, manifest: &Manifest, track: usize, picture: Picture) -> Result<String, Failure> {
        let milliseconds = self.milliseconds;
        let track = &mut self.tracks[track];
        track.frames += 1;
        if self.kind == AnimateArg::Png {
            let name = format!("{}-{:05}.png", track.name, track.frames);
            picture.save_png(&manifest.path(&name))?;
            return Ok(name);
        }
        let name = format!("{}.gif", track.name);
        let path = manifest.path(&name);
        let writer = track.gif.get_or_insert_with(|| Writer::begin(path, milliseconds));
        if writer.send.send(Some(picture)).is_err() {
            // It has stopped, and says why.
            return Err(self.failure());
        }
        Ok(name)
    }

    /// Waits for the last frames and returns the names of all GIFs.
    pub(crate) fn finish(&mut self) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        for track in &mut self.tracks {
            if let Some(writer) = track.gif.take() {
                let _ = writer.send.send(None);
                writer.join()?;
                names.push(format!("{}.gif", track.name));
            }
        }
        Ok(names)
    }

    /// The reason of the first writer that stopped.
    fn failure(&mut self) -> Failure {
        let stopped = self.tracks.iter_mut().filter_map(|t| t.gif.take()).find_map(|writer| writer.join().err());
        stopped.unwrap_or_else(|| Failure::Message("an animation could not be written".into()))
    }
}

impl Writer {
    fn begin(path: PathBuf, milliseconds: u32) -> Writer {
        let (send, receive) = sync_channel::<Option<Picture>>(2);
        let thread = thread::spawn(move || {
            write_whole(&path, Sync::No, |file| {
                let mut gif = Gif::new(file).map_err(std::io::Error::other)?;
                for picture in receive {
                    match picture {
                        Some(picture) => gif.push(&picture, milliseconds).map_err(std::io::Error::other)?,
                        None => return Ok(()),
                    }
                }
                // The run ended before the animation did.
                Err(std::io::Error::other("interrupted"))
            })
        });
        Writer { send, thread }
    }

    fn join(self) -> Result<(), Failure> {
        drop(self.send);
        match self.thread.join() {
            Ok(written) => Ok(written?),
            Err(_) => Err(Failure::Message("an animation could not be written".into())),
        }
    }
}
