//! From arguments to a request, and what cannot be requested.

use backlit::figure::keras_vis_041;
use backlit::saliency::methods::Baseline;
use backlit::saliency::smooth::{MAX_RADIUS, TRUNCATE};
use backlit::saliency::{Compat, MapOptions, Method, Modifier, Recipe, Reduction};
use backlit::{Request, Session};

use super::failure::Failure;
use super::map_args::{MapArgs, Sign};
use super::recipe_args::RecipeArgs;

/// Refuses a wrong command line before anything is fetched or read.
pub(crate) fn check(map: &MapArgs, recipe: &RecipeArgs) -> Result<(), Failure> {
    recipe.check(&map.methods())?;
    for method in map.methods() {
        usual(map.compat, method)?;
    }
    if map.compat == Some(Compat::KerasVis041) {
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
    let mut request = Request { recipes: Vec::new(), objectives: map.objectives(), maps: Vec::new() };
    for method in map.methods() {
        let (usual, options) = usual(map.compat, method)?;
        request.recipes.push(recipe.apply(usual, applicable(method, &baselines))?);
        let mut options = map_options(map, options);
        if map.compat == Some(Compat::KerasVis041) {
            // The post's, over the blue channel.
            options.sigma = keras_vis_041::SIGMA;
        }
        request.maps.push(options);
    }
    Ok(request)
}

/// Parameters before any flag: ours, or another tool's.
fn usual(compat: Option<Compat>, method: Method) -> Result<(Recipe, MapOptions), Failure> {
    let Some(compat) = compat else { return Ok((Recipe::new(method), MapOptions::for_method(method))) };
    compat.recipe(method).ok_or_else(|| {
        let has = compat.methods().map(|m| m.as_str()).collect::<Vec<_>>().join(", ");
        let why = match compat {
            Compat::KerasVis041 => "keras-vis 0.4.1 changes the network's forward pass for guided and rectified; it",
            _ => compat.as_str(),
        };
        Failure::Usage(format!("--compat {compat} has no --method {method}: {why} has --method {has}"))
    })
}

/// Baselines are for those that have one.
fn applicable(method: Method, baselines: &[Baseline]) -> &[Baseline] {
    let uses =
        RecipeArgs::default().flags().iter().any(|(flag, _, users)| *flag == "--baseline" && users.contains(&method));
    if uses { baselines } else { &[] }
}

fn map_options(arguments: &MapArgs, usual: MapOptions) -> MapOptions {
    let usual = match arguments.sign {
        None => usual,
        Some(Sign::Abs) => MapOptions { modifier: Modifier::Absolute, ..usual },
        Some(Sign::Pos) => MapOptions { modifier: Modifier::Relu, ..usual },
        Some(Sign::Neg) => MapOptions { modifier: Modifier::Negative, ..usual },
        // Scaled to 0..1, a map would lose its zero.
        Some(Sign::All) => {
            MapOptions { modifier: Modifier::None, reduction: Reduction::Sum, normalize: false, ..usual }
        }
    };
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
    let usual = arguments.modifier.is_none_or(|m| m == Modifier::Absolute)
        && arguments.sign.is_none_or(|s| s == Sign::Abs)
        && arguments.reduce.is_none_or(|r| r == Reduction::Max)
        && arguments.sigma.is_none_or(|s| s == keras_vis_041::SIGMA);
    if !usual || arguments.raw {
        let message = "--compat keras-vis-0.4.1 fixes modifier, reduction, scaling and sigma: leave them out";
        return Err(Failure::Usage(message.into()));
    }
    Ok(())
}
