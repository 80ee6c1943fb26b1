//! What the tests of methods share: small pictures and a short way to ask about them.

use backlit_net::preprocess::Preprocessing;
use backlit_net::{Engine, IMAGE_LEN, SIDE};
use backlit_testkit::random::Random;

use crate::{Attribution, MethodError, Objective, Recipe, Run, Subject, explain};

/// A picture with what the network is shown of it.
pub(crate) struct Picture {
    pub(crate) rgb: Vec<u8>,
    pub(crate) tensor: Vec<f32>,
}

impl Picture {
    pub(crate) fn new(rgb: Vec<u8>) -> Picture {
        let mut tensor = vec![0.0; IMAGE_LEN];
        Preprocessing::Caffe.apply(&rgb, &mut tensor);
        Picture { rgb, tensor }
    }

    pub(crate) fn random(seed: u64) -> Picture {
        let random = Random::new(seed);
        Picture::new((0..IMAGE_LEN).map(|i| (random.bits(i) >> 56) as u8).collect())
    }

    pub(crate) fn flat(colour: [u8; 3]) -> Picture {
        Picture::new(colour.repeat(SIDE * SIDE))
    }

    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject { rgb: &self.rgb, tensor: &self.tensor, preprocessing: Preprocessing::Caffe }
    }
}

/// The logit of class 0, the one that a toy knows.
pub(crate) fn class_zero() -> [Objective; 1] {
    [Objective::logit("0".parse().expect("a class"))]
}

/// One recipe, one picture: an attribution for every objective.
pub(crate) fn attributions(
    engine: &dyn Engine,
    picture: &Picture,
    objectives: &[Objective],
    recipe: Recipe,
    run: Run<'_>,
) -> Result<Vec<Attribution>, MethodError> {
    let mut found = explain(engine, &[picture.subject()], objectives, &[recipe], &run)?;
    let mut explained = found.remove(0)?;
    Ok(explained.attributions.remove(0))
}
