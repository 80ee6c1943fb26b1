//! Synthetic weights are valid files, and the same network whatever their names.

use backlit_net::Variant;
use backlit_net::weights::{Naming, Weights};
use backlit_testkit::synthetic::weights_bytes;

#[test]
fn every_naming_of_the_same_numbers_folds_to_the_same_arrays() {
    for variant in [Variant::V1, Variant::V1_5] {
        let files = Naming::ALL.map(|n| Weights::from_bytes(weights_bytes(variant, n, 7), n.as_str()).unwrap());
        for (file, naming) in files.iter().zip(Naming::ALL) {
            assert_eq!((file.naming(), file.variant()), (naming, variant));
        }
        let [first, others @ ..] = &files;
        for other in others {
            assert_eq!((first.epsilon(), first.preprocessing()), (other.epsilon(), other.preprocessing()));
            for conv in first.network().convs() {
                assert!(first.conv(conv) == other.conv(conv), "{variant} {} {}", other.naming(), conv.name);
            }
            assert!(first.dense() == other.dense(), "{variant} {}", other.naming());
        }
    }
}

#[test]
fn seeds_matter_and_nothing_else_does() {
    let bytes = |seed| weights_bytes(Variant::V1, Naming::Keras, seed);
    assert!(bytes(3) == bytes(3));
    assert!(bytes(3) != bytes(4));
}
