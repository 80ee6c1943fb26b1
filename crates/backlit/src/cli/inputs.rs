//! From arguments to photographs: files, folders, globs and standard input, read and decoded a batch at a time.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use backlit::net::files::sha256;
use backlit::net::photo::{MAX_FILE_BYTES, Orientation, Photo, PhotoError};
use rayon::prelude::*;
use serde_json::Value;

use super::failure::{Failure, report};
use super::records::MANIFEST;

/// What a folder is searched for.
const EXTENSIONS: [&str; 6] = ["jpg", "jpeg", "png", "webp", "bmp", "gif"];

/// A photograph to be read.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// As reports name it.
    pub(crate) name: String,
    /// Unique in the run: the beginning of the names of files made from it.
    pub(crate) stem: String,
    /// `None` is standard input.
    path: Option<PathBuf>,
}

/// A photograph, read.
pub(crate) struct Loaded {
    pub(crate) source: Source,
    pub(crate) photo: Photo,
    /// Of the file's bytes.
    pub(crate) sha256: String,
}

/// Resolves the arguments, in their order; folders and globs in alphabetical order.
pub(crate) fn resolve(arguments: &[String]) -> Result<Vec<Source>, Failure> {
    let mut found: Vec<Option<PathBuf>> = Vec::new();
    for argument in arguments {
        let path = Path::new(argument);
        if argument.is_empty() {
            return Err(Failure::Usage("one of the photographs has an empty name".into()));
        }
        if argument == "-" {
            if found.contains(&None) {
                return Err(Failure::Usage("standard input (-) can be read only once".into()));
            }
            found.push(None);
        } else if path.is_dir() {
            found.extend(folder(path)?.into_iter().map(Some));
        } else if !path.exists() && argument.contains(['*', '?', '[']) {
            found.extend(matches(argument)?.into_iter().map(Some));
        } else {
            found.push(Some(path.to_owned()));
        }
    }
    let sources = name(found);
    // Where there is nothing to look at, nothing need be fetched to look at it.
    let missing = |s: &Source| s.path.as_ref().is_some_and(|p| !p.exists());
    if sources.iter().all(missing) {
        for source in &sources {
            report(PhotoError::Missing { origin: source.name.clone() });
        }
        return Err(Failure::Reported);
    }
    Ok(sources)
}

pub(crate) fn folder(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let error = |e: std::io::Error| Failure::Message(format!("cannot read the folder {}: {e}", path.display()));
    let entries = fs::read_dir(path).map_err(error)?.collect::<Result<Vec<_>, _>>().map_err(error)?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|e| e.path()).collect();
    // Names that begin with a dot are other programs' notes, not photographs.
    files.retain(|p| is_photograph(p) && p.file_name().is_some_and(|n| !n.as_encoded_bytes().starts_with(b".")));
    // Nor are the pictures that an earlier run put there.
    let made = made_in(path);
    files.retain(|p| p.file_name().is_none_or(|n| !made.contains(n.to_string_lossy().as_ref())));
    if files.is_empty() {
        let message = format!("no photograph in {}: looked for {}", path.display(), EXTENSIONS.join(", "));
        return Err(Failure::Message(message));
    }
    files.sort();
    Ok(files)
}

/// The files that the manifest in a folder names, if there is one.
fn made_in(folder: &Path) -> HashSet<String> {
    fn collect(value: &Value, under_files: bool, into: &mut HashSet<String>) {
        match value {
            Value::String(name) if under_files => _ = into.insert(name.clone()),
            Value::Array(items) => items.iter().for_each(|item| collect(item, under_files, into)),
            Value::Object(fields) => fields.iter().for_each(|(k, v)| collect(v, under_files || k == "files", into)),
            _ => (),
        }
    }
    let manifest = fs::read(folder.join(MANIFEST)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut made = HashSet::new();
    if let Some(manifest) = manifest {
        collect(&manifest, false, &mut made);
    }
    made
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>, Failure> {
    // As a shell does: `*` leaves out names that begin with a dot.
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let paths =
        glob::glob_with(pattern, options).map_err(|e| Failure::Usage(format!("`{pattern}` is no pattern: {e}")))?;
    let files: Vec<PathBuf> = paths.filter_map(Result::ok).filter(|p| is_photograph(p)).collect();
    if files.is_empty() {
        return Err(Failure::Message(format!("no photograph matches `{pattern}`")));
    }
    Ok(files)
}

fn is_photograph(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str())) && path.is_file()
}

/// Two files of one name, from two folders, must not overwrite each other's results.
fn name(paths: Vec<Option<PathBuf>>) -> Vec<Source> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut counts: HashMap<String, usize> = HashMap::new();
    let one = |path: Option<PathBuf>| {
        let own =
            path.as_deref().and_then(Path::file_stem).map_or("stdin".into(), |s| s.to_string_lossy().into_owned());
        let count = counts.entry(own.clone()).or_insert(0);
        let stem = loop {
            *count += 1;
            let stem = if *count == 1 { own.clone() } else { format!("{own}-{count}") };
            // Some file systems know no case.
            if taken.insert(stem.to_lowercase()) {
                break stem;
            }
        };
        let name = path.as_ref().map_or("-".into(), |p| p.display().to_string());
        Source { name, stem, path }
    };
    paths.into_iter().map(one).collect()
}

impl Source {
    /// Its file, unless it is standard input.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// A frame of it that lies in a file of its own.
    pub(crate) fn frame(&self, number: usize, path: PathBuf) -> Source {
        let (name, stem) = (format!("{}, frame {number}", self.name), format!("{}-{number:05}", self.stem));
        Source { name, stem, path: Some(path) }
    }

    /// Reads and decodes.
    pub(crate) fn load(&self, orientation: Orientation) -> Result<Loaded, Failure> {
        let bytes = self.read()?;
        let photo = Photo::from_bytes_with(&bytes, self.origin(), orientation)?;
        Ok(Loaded { source: self.clone(), photo, sha256: sha256(&bytes) })
    }

    /// As messages name it.
    fn origin(&self) -> &str {
        if self.path.is_some() { &self.name } else { "standard input" }
    }

    /// All bytes: of a file, a pipe or standard input.
    fn read(&self) -> Result<Vec<u8>, PhotoError> {
        let origin = || self.origin().to_owned();
        let unreadable = |source: std::io::Error| match source.kind() {
            ErrorKind::NotFound => PhotoError::Missing { origin: origin() },
            ErrorKind::IsADirectory => PhotoError::Directory { origin: origin() },
            _ => PhotoError::Unreadable { origin: origin(), source },
        };
        let input: Box<dyn Read> = match &self.path {
            None => Box::new(std::io::stdin().lock()),
            Some(path) => Box::new(File::open(path).map_err(unreadable)?),
        };
        let mut bytes = Vec::new();
        // One byte more than allowed, so that too long an input is seen.
        input.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        match bytes.len() as u64 > MAX_FILE_BYTES {
            true => Err(PhotoError::FileTooLarge { origin: origin() }),
            false => Ok(bytes),
        }
    }
}

/// A photograph of more pixels is not kept in memory while it waits, if it can be read again.
const KEEP_PIXELS: usize = 4_000_000;

/// A photograph that waits for the network's answer.
pub(crate) enum Waiting {
    Here(Loaded),
    Elsewhere(Source),
}

impl Loaded {
    /// Lets go of a large photograph.
    pub(crate) fn set_aside(self) -> Waiting {
        let file = self.source.path.as_ref().is_some_and(|p| p.is_file());
        match file && self.photo.width * self.photo.height > KEEP_PIXELS {
            true => Waiting::Elsewhere(self.source),
            false => Waiting::Here(self),
        }
    }
}

impl Waiting {
    pub(crate) fn source(&self) -> &Source {
        match self {
            Waiting::Here(loaded) => &loaded.source,
            Waiting::Elsewhere(source) => source,
        }
    }

    /// The photograph, read again if need be.
    pub(crate) fn bring_back(self, orientation: Orientation) -> Result<Loaded, Failure> {
        match self {
            Waiting::Here(loaded) => Ok(loaded),
            Waiting::Elsewhere(source) => source.load(orientation),
        }
    }
}

/// Reads a batch on all threads and makes of each photograph what is needed; what cannot be read is reported and left
/// out. Returns what was made and how many failed.
pub(crate) fn load_batch<T: Send>(
    sources: &[Source],
    orientation: Orientation,
    make: impl Fn(Loaded) -> T + Sync,
) -> (Vec<T>, usize) {
    let load = |source: &Source| source.load(orientation).map(&make);
    let loaded: Vec<Result<T, Failure>> = sources.par_iter().map(load).collect();
    let mut good = Vec::with_capacity(loaded.len());
    let mut failed = 0;
    for (source, loaded) in sources.iter().zip(loaded) {
        match loaded {
            Ok(loaded) => good.push(loaded),
            Err(failure) => {
                failed += 1;
                explain(source, &failure);
            }
        }
    }
    (good, failed)
}

/// Reports a failure, naming the photograph unless the message already does.
pub(crate) fn explain(source: &Source, failure: &Failure) {
    match failure {
        Failure::Message(m) | Failure::Usage(m) if m.contains(source.origin()) => report(m),
        Failure::Message(m) | Failure::Usage(m) => report(format!("{}: {m}", source.origin())),
        Failure::Reported | Failure::Pipe | Failure::Interrupted => (),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let paths = ["a/cat.jpg", "b/cat.png", "dog.gif", "cat-2.jpg", "c/Cat.gif", "cat.jpg"].map(|p| Some(p.into()));
        let stems: Vec<_> = name(paths.into()).into_iter().map(|s| s.stem).collect();
        assert_eq!(stems, ["cat", "cat-2", "dog", "cat-2-2", "Cat-3", "cat-4"]);
        assert_eq!(name(vec![None])[0].stem, "stdin");
    }
}
