//! A download that survives interruptions: bytes are kept in a `.partial` file, with a note of what they are part of.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ureq::{Body, http};

use super::hub::{header, plain_etag};
use super::{Progress, SourceError, Stage};

/// A ResNet-50 has 102 MB, 205 MB in double precision; no server may fill the disk.
const MAX_BYTES: u64 = 1 << 30;

/// Bytes written between two reports.
const PIECE: usize = 256 << 10;

/// A server's answer to a request for a file or the rest of it.
pub(super) struct Reply {
    /// The address that answered, after redirects.
    url: String,
    /// Status 200, 206 or 416.
    status: u16,
    note: Note,
    /// First byte that comes, for status 206.
    first: u64,
    body: Body,
}

/// What a partial file is part of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// The hub's ETag for the file, which for large files is its SHA-256.
    linked: Option<String>,
    /// The ETag of the server that holds the bytes, as it was sent.
    etag: Option<String>,
    /// Length of the whole file.
    total: Option<u64>,
}

impl Note {
    /// A strong ETag, by which a server can tell that the file is still the same.
    fn strong(&self) -> Option<&str> {
        self.etag.as_deref().filter(|e| e.starts_with('"'))
    }
}

impl Reply {
    /// Reads the headers; any status but 200, 206 and 416 is an error.
    pub(super) fn read(
        url: String,
        linked: Option<String>,
        response: http::Response<Body>,
    ) -> Result<Reply, SourceError> {
        let status = response.status().as_u16();
        let mut total = header(&response, "content-length").and_then(|n| n.parse().ok());
        let mut first = 0;
        match status {
            200 | 416 => {}
            206 => {
                // "bytes FIRST-LAST/TOTAL"
                let range = header(&response, "content-range").unwrap_or_default();
                let parsed = range.strip_prefix("bytes ").and_then(|r| r.split_once('/'));
                let parsed = parsed.and_then(|(span, all)| Some((span.split_once('-')?.0.parse().ok()?, all)));
                let Some((from, all)) = parsed else {
                    return Err(SourceError::Protocol { url, detail: format!("its content-range is `{range}`") });
                };
                (first, total) = (from, all.parse().ok());
            }
            _ => return Err(SourceError::Status { url, status }),
        }
        let note = Note { linked, etag: header(&response, "etag"), total };
        Ok(Reply { url, status, note, first, body: response.into_body() })
    }
}

/// A file on its way to `target`.
pub(super) struct Download {
    partial: PathBuf,
    note: PathBuf,
}

/// Asks for a file, or for its rest from a byte on as long as it has an ETag.
type Get<'a> = dyn FnMut(Option<(u64, &str)>) -> Result<Reply, SourceError> + 'a;

impl Download {
    /// Keeps `.NAME.partial` and its note in the folder of `target`.
    pub(super) fn beside(target: &Path) -> Download {
        let with = |suffix: &str| {
            let mut name = OsString::from(".");
            name.push(target.file_name().unwrap_or_default());
            name.push(suffix);
            target.with_file_name(name)
        };
        Download { partial: with(".partial"), note: with(".partial.json") }
    }

    /// Where the bytes are.
    pub(super) fn partial(&self) -> &Path {
        &self.partial
    }

    /// Forgets what has arrived.
    pub(super) fn discard(&self) {
        // The note first: without it the bytes mean nothing, and are overwritten.
        let _ = fs::remove_file(&self.note);
        let _ = fs::remove_file(&self.partial);
    }

    /// Gets all bytes into [`partial`](Download::partial); returns the hash or ETag that the hub gives for them.
    ///
    /// `get` asks for the file, or for its rest: from a byte on, if it still has the ETag given. A broken
    /// connection is taken up again for as long as that brings new bytes.
    pub(super) fn run(
        &mut self,
        url: &str,
        get: &mut Get<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Option<String>, SourceError> {
        let mut most = self.kept().map(|(have, _)| have);
        loop {
            let kept = self.kept();
            let range = kept.as_ref().and_then(|(have, note)| Some((*have, note.strong()?)));
            let reply = match (get(range), most) {
                (Ok(reply), _) => reply,
                // The connection broke and cannot be had again: what came is kept.
                (Err(SourceError::Offline { detail }), Some(received)) if received > 0 => {
                    let total = kept.and_then(|(_, note)| note.total);
                    return Err(SourceError::Interrupted { received, total, detail });
                }
                (Err(error), _) => return Err(error),
            };
            let from = match (&kept, reply.status) {
                (_, 200) => 0,
                (Some((have, note)), 206) if reply.first == *have && reply.note == *note => *have,
                // Not the rest of what is here: from the beginning.
                (Some(_), _) => {
                    self.discard();
                    continue;
                }
                (None, status) => return Err(SourceError::Status { url: url.into(), status }),
            };
            let note = reply.note.clone();
            let Err((received, detail)) = self.receive(reply, from, progress)? else {
                let hash = note.linked.or(note.etag.as_deref().map(plain_etag));
                return Ok(hash);
            };
            if most.is_some_and(|most| received <= most) {
                return Err(SourceError::Interrupted { received, total: note.total, detail });
            }
            most = Some(received);
        }
    }

    /// Bytes on disk and what they are part of, if both are known.
    fn kept(&self) -> Option<(u64, Note)> {
        let note = serde_json::from_slice(&fs::read(&self.note).ok()?).ok()?;
        let have = fs::metadata(&self.partial).ok()?.len();
        (have > 0).then_some((have, note))
    }

    /// Writes a body behind the first `from` bytes. The inner error is a broken connection: bytes on disk, and why.
    fn receive(
        &self,
        reply: Reply,
        from: u64,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Result<(), (u64, String)>, SourceError> {
        let Reply { url, note, body, .. } = reply;
        let too_large =
            || SourceError::Protocol { url: url.clone(), detail: "it sends far more than a ResNet-50".into() };
        if note.total.is_some_and(|total| total > MAX_BYTES) {
            return Err(too_large());
        }
        let disk = |error| SourceError::disk(&self.partial)(error);
        let mut file = File::options().create(true).write(true).truncate(false).open(&self.partial).map_err(disk)?;
        file.set_len(from).map_err(disk)?;
        io::Seek::seek(&mut file, io::SeekFrom::End(0)).map_err(disk)?;
        let text = serde_json::to_vec(&note).unwrap_or_default();
        fs::write(&self.note, text).map_err(SourceError::disk(&self.note))?;

        let (mut body, mut piece, mut done) = (body.into_reader(), vec![0; PIECE], from);
        progress(Progress::new(Stage::Download, done, note.total));
        let broken = loop {
            match body.read(&mut piece) {
                Ok(0) => break None,
                Ok(n) => {
                    file.write_all(&piece[..n]).map_err(disk)?;
                    done += n as u64;
                    if done > note.total.unwrap_or(MAX_BYTES) {
                        return Err(too_large());
                    }
                    progress(Progress::new(Stage::Download, done, note.total));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(error.to_string()),
            }
        };
        match (broken, note.total) {
            (Some(detail), _) => Ok(Err((done, detail))),
            (None, Some(total)) if done < total => Ok(Err((done, "the connection was closed".into()))),
            (None, _) => Ok(Ok(())),
        }
    }
}
