//! From arguments to a request, and what cannot be requested.

use backlit::figure::keras_vis_041;
use backlit::saliency::methods::Baseline;
use backlit::saliency::smooth::{MAX_RADIUS, TRUNCATE};
use backlit::saliency::{MapOptions, Method, Modifier, Recipe, Reduction};
use backlit::{Request, Session};

use super::failure::Failure;
use super::map_args::MapArgs;
use super::recipe_args::RecipeArgs;

/// Refuses a wrong command line before anything is fetched or read.
pub(crate) fn check(map: &MapArgs, recipe: &RecipeArgs) -> Result<(), Failure> {
    recipe.check(&map.methods())?;
    if map.compat.is_some() {
        check_compat(map)?;
    }
    let largest = MAX_RADIUS as f64 / TRUNCATE;
    match map.sigma {
        Some(sigma) if !(0.0..=largest).contains(&sigma) => {
            Err(Failure::Usage(format!("--sigma is {sigma:?}: it must lie between 0 and {largest}")))
        }
        _ => Ok(()),
    }
}

/// What to ask for.
pub(crate) fn request(map: &MapArgs, recipe: &RecipeArgs, session: &Session) -> Result<Request, Failure> {
    let baselines = recipe.baselines(session)?;
    let methods = map.methods();
    let one = |&method: &Method| recipe.apply(Recipe::new(method), applicable(method, &baselines));
    let recipes = methods.iter().map(one).collect::<Result<_, _>>()?;
    let maps = methods.iter().map(|&method| map_options(map, MapOptions::for_method(method))).collect();
    Ok(Request { recipes, objectives: map.objectives(), maps })
}

/// Baselines are for those that have one.
fn applicable(method: Method, baselines: &[Baseline]) -> &[Baseline] {
    let uses =
        RecipeArgs::default().flags().iter().any(|(flag, _, users)| *flag == "--baseline" && users.contains(&method));
    if uses { baselines } else { &[] }
}

fn map_options(arguments: &MapArgs, usual: MapOptions) -> MapOptions {
    MapOptions {
        modifier: arguments.modifier.unwrap_or(usual.modifier),
        reduction: arguments.reduce.unwrap_or(usual.reduction),
        normalize: usual.normalize && !arguments.raw,
        sigma: arguments.sigma.unwrap_or(usual.sigma),
        ..usual
    }
}

/// What cannot be said of keras-vis 0.4.1 is refused rather than imitated.
fn check_compat(arguments: &MapArgs) -> Result<(), Failure> {
    if arguments.method != [Method::Gradient] {
        let why = "keras-vis 0.4.1 changes the network's forward pass for guided and rectified";
        return Err(Failure::Usage(format!("--compat keras-vis-0.4.1 goes with --method gradient only: {why}")));
    }
    let usual = arguments.modifier.is_none_or(|m| m == Modifier::Absolute)
        && arguments.reduce.is_none_or(|r| r == Reduction::Max)
        && arguments.sigma.is_none_or(|s| s == keras_vis_041::SIGMA);
    if !usual || arguments.raw {
        let message = "--compat keras-vis-0.4.1 fixes modifier, reduction, scaling and sigma: leave them out";
        return Err(Failure::Usage(message.into()));
    }
    Ok(())
}
