//! `backlit weights`: fetch, info, verify, convert.

use backlit::net::weights::Claims;
use backlit::sources::{self, Info};
use serde_json::json;

use super::args::WeightsCommand;
use super::failure::{Failure, Outcome};
use super::{network, terminal};

pub(crate) fn run(command: WeightsCommand) -> Result<Outcome, Failure> {
    match command {
        WeightsCommand::Fetch { from, force } => {
            let path = network::fetch(&from, force)?;
            terminal::print(&format!("{}\n", path.display()))?;
        }
        WeightsCommand::Info { weights, json } => {
            let path = network::fetch(&weights, false)?;
            let info = sources::info(&path)?;
            match json {
                true => terminal::print_json(&describe_json(&path.display().to_string(), &info))?,
                false => terminal::print(&describe(&path.display().to_string(), &info))?,
            }
        }
        WeightsCommand::Verify { weights } => {
            let path = network::fetch(&weights, false)?;
            let found = sources::verify(&path)?;
            let says = match (found.published, found.data_matches) {
                (true, _) => "intact, byte for byte the published file",
                (false, true) => "intact, as its own metadata say",
                (false, false) => "readable and complete; it carries no hash to compare with",
            };
            terminal::print(&format!("{}: {says}\nsha256 {}\n", path.display(), found.info.sha256))?;
        }
        WeightsCommand::Convert { input, output, variant, epsilon, preprocessing } => {
            let claims = Claims { variant, epsilon, preprocessing, source: None };
            let info = sources::convert(&input, &output, &claims)?;
            terminal::print(&describe(&output.display().to_string(), &info))?;
        }
    }
    Ok(Outcome::Done)
}

fn describe(path: &str, info: &Info) -> String {
    let rows = [
        ("file", path.to_owned()),
        ("source", info.source.clone()),
        ("variant", info.variant.to_string()),
        ("epsilon", info.epsilon.to_string()),
        ("preprocessing", info.preprocessing.to_string()),
        ("tensors", info.tensors.to_string()),
        ("parameters", info.parameters.to_string()),
        ("sha256", info.sha256.clone()),
    ];
    rows.map(|(name, value)| format!("{name:<14}{value}\n")).concat()
}

fn describe_json(path: &str, info: &Info) -> serde_json::Value {
    json!({
        "file": path,
        "source": info.source,
        "variant": info.variant.as_str(),
        "epsilon": info.epsilon,
        "preprocessing": info.preprocessing.as_str(),
        "tensors": info.tensors,
        "parameters": info.parameters,
        "sha256": info.sha256,
    })
}
