//! golden: photographs against a float64 network with the same weights, in every arithmetic and under every rule.

use backlit_net::{Engine, Images, Rule, Seeds};
use backlit_testkit::compare::relative_l2;
use backlit_testkit::golden::one_hot;
use backlit_testkit::random::to_f64;

use crate::Args;
use crate::part::Part;
use crate::suite::{Arithmetic, Suite, device, engine};

/// Largest relative L2 error of logits and of a gradient. Gates that flip within rounding are most of the latter, and
/// flip by the square root of the precision: wide limits that only what is wrong exceeds.
pub(crate) fn limits(arithmetic: Arithmetic) -> (f64, f64) {
    match arithmetic {
        Arithmetic::F32 => (1e-5, 2e-2),
        Arithmetic::Mixed => (1e-5, 3e-2),
        Arithmetic::Half => (1e-2, 4e-1),
        Arithmetic::Bf16 => (8e-2, 8e-1),
    }
}

pub(crate) fn run(suite: &Suite, args: &Args) -> Result<Part, String> {
    let mut part = Part::new("golden", &["arithmetic", "picture", "rule", "logits error", "gradient error", "limit"]);
    part.notes.push(device()?.0);
    let (weights, mut pictures) = (suite.weights()?, suite.pictures()?);
    if args.quick {
        pictures.truncate(1);
    }
    for &arithmetic in &args.arithmetics {
        let engine = engine(&weights, arithmetic, 1)?;
        let (logits_limit, gradient_limit) = limits(arithmetic);
        for picture in &pictures {
            let images = Images::new(&picture.input).map_err(|e| e.to_string())?;
            let row = one_hot(picture.target);
            for rule in [Rule::Plain, Rule::Guided, Rule::Rectified] {
                let Some(expected) = picture.gradient(rule) else { continue };
                if args.quick && rule != Rule::Plain {
                    continue;
                }
                let seeds = Seeds::Rows { data: &row, per_image: 1 };
                let found = engine.gradient(images, seeds, rule).map_err(|e| e.to_string())?;
                let logits = relative_l2(&to_f64(&found.logits), &picture.logits());
                let gradient = relative_l2(&to_f64(&found.gradient), &expected);
                let what = format!("{} {} {rule}", arithmetic.name(), picture.name);
                // Written so that a NaN fails.
                let holds = logits <= logits_limit && gradient <= gradient_limit;
                part.check(holds, || format!("{what}: logits {logits:.1e}, gradient {gradient:.1e}"));
                part.rows.push(vec![
                    arithmetic.name().into(),
                    picture.name.clone(),
                    rule.to_string(),
                    format!("{logits:.1e}"),
                    format!("{gradient:.1e}"),
                    format!("{gradient_limit:.0e}"),
                ]);
            }
        }
    }
    Ok(part)
}
