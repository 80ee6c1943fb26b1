//! Names of options: every one reads back, aliases work, errors tell what there is.

use backlit_saliency::audit::{Doubt, ObjectFrom, Verdict};
use backlit_saliency::localize::Connectivity;
use backlit_saliency::mask::{Experiment, Fill};
use backlit_saliency::{Method, Modifier, Reduction, Score};

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
    check!(Method, Modifier, Reduction, Score, Experiment, Fill);
    check!(Verdict, Doubt, ObjectFrom, Connectivity);
}

#[test]
fn aliases_case_and_hyphens() {
    assert_eq!("Small-Values".parse(), Ok(Modifier::SmallValues));
    assert_eq!(" vanilla ".parse(), Ok(Method::Gradient));
    assert_eq!("softmax".parse(), Ok(Score::Probability));
    for alias in ["relu", "deconv", "deconvnet", "rectified"] {
        assert_eq!(alias.parse(), Ok(Method::Rectified));
    }
}

#[test]
fn an_unknown_name_lists_the_known_ones() {
    let error = "squared".parse::<Modifier>().unwrap_err().to_string();
    let names = "absolute, negate, relu, negative, invert, small_values, none";
    assert_eq!(error, format!("unknown modifier \"squared\": expected {names}"));
    assert!(!"a\nb".parse::<Score>().unwrap_err().to_string().contains('\n'), "errors are one line");
}
