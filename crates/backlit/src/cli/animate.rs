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
    /// Of the first frame, and so of all.
    size: Option<(usize, usize)>,
    gif: Option<Writer>,
    /// Its file could not be written: what is left of it must not pass for the whole.
    stopped: bool,
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
                tracks.push(Track::new(name));
            }
        }
        Animation { kind, milliseconds, tracks }
    }

    /// Adds a frame to a track and returns the name of the file that it goes to. A frame of another size than the first is
    /// fitted onto a page of that size.
    pub(crate) fn push(&mut self, manifest: &Manifest, track: usize, picture: Picture) -> Result<String, Failure> {
        let milliseconds = self.milliseconds;
        let track = &mut self.tracks[track];
        if track.stopped {
            return Err(Failure::Message(format!(
                "{}.gif could not be written, and goes without this frame",
                track.name
            )));
        }
        let (width, height) = *track.size.get_or_insert((picture.width, picture.height));
        let picture = match (picture.width, picture.height) == (width, height) {
            true => picture,
            false => picture.letterboxed(width, height)?,
        };
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
            track.stopped = true;
            let why = track.gif.take().and_then(|writer| writer.join().err());
            return Err(why.unwrap_or_else(|| Failure::Message(format!("{name} could not be written"))));
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
}

/// A run that fails or is interrupted leaves no half of an animation.
impl Drop for Animation {
    fn drop(&mut self) {
        for writer in self.tracks.iter_mut().filter_map(|track| track.gif.take()) {
            // Without its end it takes its file away; that it was not told is no news.
            let _ = writer.join();
        }
    }
}

impl Track {
    fn new(name: String) -> Track {
        Track { name, frames: 0, size: None, gif: None, stopped: false }
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn begun(folder: &Path) -> (Manifest, Animation) {
        let tracks = ["a", "b"].map(|name| Track::new(name.into())).into();
        let animation = Animation { kind: AnimateArg::Gif, milliseconds: 50, tracks };
        (Manifest::begin(folder).unwrap(), animation)
    }

    fn files(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn frames_of_another_size_are_fitted_and_none_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (manifest, mut animation) = begun(folder.path());
        for (width, height) in [(40, 30), (30, 40), (40, 31), (200, 10), (40, 30)] {
            let picture = Picture::filled(width, height, [200, 30, 30]).unwrap();
            assert_eq!(animation.push(&manifest, 0, picture).unwrap(), "a.gif");
        }
        assert_eq!(animation.finish().unwrap(), ["a.gif"]);
        assert_eq!(files(folder.path()), ["a.gif"]);
        let bytes = std::fs::read(folder.path().join("a.gif")).unwrap();
        let decoder = image::codecs::gif::GifDecoder::new(std::io::Cursor::new(bytes)).unwrap();
        let frames: Vec<_> = image::AnimationDecoder::into_frames(decoder).map(Result::unwrap).collect();
        assert_eq!(frames.len(), 5);
        assert!(frames.iter().all(|f| f.buffer().dimensions() == (40, 30)));
        let pixel = |frame: usize, x| frames[frame].buffer().get_pixel(x, 15).0;
        assert!(pixel(1, 2)[1] > 200 && pixel(1, 20)[1] < 80, "paper beside the picture: {:?}", pixel(1, 2));
    }

    #[test]
    fn without_its_end_an_animation_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let (manifest, mut animation) = begun(folder.path());
        for track in [0, 1, 0] {
            animation.push(&manifest, track, Picture::filled(40, 30, [9; 3]).unwrap()).unwrap();
        }
        drop(animation);
        assert_eq!(files(folder.path()), [""; 0]);
    }

    #[test]
    fn a_track_that_stopped_is_not_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let (manifest, mut animation) = begun(folder.path());
        std::fs::create_dir(folder.path().join("a.gif")).unwrap();
        let mut push = |track| animation.push(&manifest, track, Picture::filled(40, 30, [9; 3]).unwrap());
        // The writer needs a moment to find out; its queue takes a few frames meanwhile.
        let failed = (0..1000).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            push(0).err()
        });
        assert!(matches!(failed, Some(Failure::Message(m)) if m.contains("there is a folder of that name")));
        std::fs::remove_dir(folder.path().join("a.gif")).unwrap();
        assert!(matches!(push(0), Err(Failure::Message(m)) if m.contains("a.gif could not be written")));
        push(1).unwrap();
        assert_eq!(animation.finish().unwrap(), ["b.gif"]);
        assert_eq!(files(folder.path()), ["b.gif"]);
    }
}
