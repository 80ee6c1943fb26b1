//! Which folder keeps fetched weights.

use std::env;
use std::path::{Path, PathBuf};

/// The environment variable that names the folder.
pub const CACHE_VARIABLE: &str = "BACKLIT_CACHE";

/// The folder that keeps fetched weights; it may not exist yet. `None` if there is no home folder.
///
/// `$BACKLIT_CACHE` if set; else `weights/` of the checkout of Backlit in which the program or the current folder
/// lies; else `backlit/` in the user's cache folder.
pub fn cache_folder() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let places = [env::current_exe().ok(), env::current_dir().ok()];
    set(CACHE_VARIABLE)
        .or_else(|| places.iter().flatten().find_map(|place| checkout(place)).map(|root| root.join("weights")))
        .or_else(|| user_cache(set).map(|folder| folder.join("backlit")))
}

/// The checkout around `place`: the nearest folder upwards with a Cargo.toml and weights/manifest.toml.
fn checkout(place: &Path) -> Option<&Path> {
    place.ancestors().find(|root| root.join("Cargo.toml").is_file() && root.join("weights/manifest.toml").is_file())
}

fn user_cache(set: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    if cfg!(windows) {
        set("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        set("HOME").map(|home| home.join("Library/Caches"))
    } else {
        // The XDG specification says that a relative path is to be ignored.
        set("XDG_CACHE_HOME").filter(|p| p.is_absolute()).or_else(|| set("HOME").map(|home| home.join(".cache")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_is_found_from_inside() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = checkout(here).expect("this crate lies in a checkout");
        assert_eq!(root.join("crates/backlit"), here);
        assert_eq!(checkout(&root.join("target/debug/backlit")), Some(root));
        let elsewhere = tempfile::tempdir().unwrap();
        assert_eq!(checkout(elsewhere.path()), None);
    }

    #[cfg(all(unix, not(target_os = "macos")))]
    #[test]
    fn the_users_cache_follows_xdg() {
        let with = |xdg: Option<&'static str>| {
            move |name: &str| match name {
                "XDG_CACHE_HOME" => xdg.map(PathBuf::from),
                "HOME" => Some("/home/me".into()),
                _ => None,
            }
        };
        assert_eq!(user_cache(with(None)), Some("/home/me/.cache".into()));
        assert_eq!(user_cache(with(Some("/big/cache"))), Some("/big/cache".into()));
        assert_eq!(user_cache(with(Some("relative"))), Some("/home/me/.cache".into()));
        assert_eq!(user_cache(|_| None), None);
    }
}
