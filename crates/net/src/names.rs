//! Names: one table per option gives its spelling, its aliases, its parser and its JSON form.

#[doc(hidden)]
pub use serde::{Serialize, Serializer};

/// A name that an option does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {text:?}: expected {expected}")]
pub struct UnknownName {
    /// What was being named, for example `modifier`.
    pub what: &'static str,
    /// As it was typed.
    pub text: String,
    /// The names there are.
    pub expected: String,
}

/// Letter case, and `-` for `_`, do not matter in names.
#[doc(hidden)]
pub fn canonical(text: &str) -> String {
    text.trim().to_ascii_lowercase().replace('-', "_")
}

/// The value that one of whose names, the first of which is its spelling, is written in `text`.
#[doc(hidden)]
pub fn find<T: Copy>(what: &'static str, text: &str, names: &[(T, &[&str])]) -> Result<T, UnknownName> {
    let wanted = canonical(text);
    // The table's own hyphens count as little as those of whoever types.
    let found = names.iter().find(|(_, all)| all.iter().any(|name| canonical(name) == wanted));
    found.map(|&(value, _)| value).ok_or_else(|| {
        let spellings: Vec<&str> = names.iter().filter_map(|(_, all)| all.first().copied()).collect();
        UnknownName { what, text: text.to_owned(), expected: spellings.join(", ") }
    })
}

/// Writes `ALL`, `as_str`, `Display`, `FromStr` and `Serialize` for an enum from a table `Variant = "name" | "alias"`.
#[macro_export]
macro_rules! named {
    ($type:ident, $what:literal, { $($variant:ident = $name:literal $(| $alias:literal)*),+ $(,)? }) => {
        impl $type {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [$type] = &[$($type::$variant),+];

            /// The spelling of options and reports.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($type::$variant => $name),+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::names::UnknownName;

            /// Reads a name or an alias; letter case, and `-` for `_`, do not matter.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let names: &[($type, &[&str])] = &[$(($type::$variant, &[$name $(, $alias)*])),+];
                $crate::names::find($what, text, names)
            }
        }

        impl $crate::names::Serialize for $type {
            fn serialize<S: $crate::names::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
#[cfg(test)]
mod tests {
    use crate::engine::Quadrature;
    use crate::photo::Orientation;
    use crate::preprocess::{Filter, Preprocessing, Resize};
    use crate::relevance::Composite;
    use crate::{Rule, Variant};

    #[test]
    fn every_name_reads_back() {
        macro_rules! check {
            ($($type:ty),+) => {$(
                assert!(!<$type>::ALL.is_empty());
                for &value in <$type>::ALL {
                    let name = value.to_string();
                    for spelling in [name.clone(), name.replace('-', "_"), name.replace('_', "-"), name.to_uppercase()] {
                        assert_eq!(spelling.parse::<$type>(), Ok(value), "{spelling}");
                    }
                    assert_eq!(serde_json::to_value(value).unwrap(), value.as_str());
                }
            )+};
        }
        check!(Variant, Orientation, Resize, Filter, Preprocessing, Rule, Composite, Quadrature);
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "lanczos".parse::<Filter>().unwrap_err().to_string();
        assert_eq!(error, "unknown filter \"lanczos\": expected nearest, bilinear, bicubic");
        assert_eq!("V1.5".parse(), Ok(Variant::V1_5));
    }
}
