//! `backlit predict`: the best classes of every photograph.

use backlit::Session;
use backlit::net::Images;
use backlit::saliency::{Prediction, top_k};
use serde_json::json;

use super::args::PredictArgs;
use super::failure::{Failure, Outcome};
use super::inputs::{self, Loaded};
use super::{network, terminal};

pub(crate) fn run(arguments: &PredictArgs) -> Result<Outcome, Failure> {
    let sources = inputs::resolve(&arguments.inputs.images)?;
    let session = network::load(&arguments.network)?;
    let bar = terminal::photograph_bar(sources.len());
    let (mut records, mut failed) = (Vec::new(), 0);
    for batch in sources.chunks(arguments.network.batch.into()) {
        // Of a photograph only the network's input is kept.
        let prepare = |loaded: Loaded| (loaded.source.name, session.prepare(&loaded.photo).tensor);
        let (ready, bad) = inputs::load_batch(batch, arguments.network.orientation, prepare);
        failed += bad;
        let (names, tensors): (Vec<String>, Vec<Vec<f32>>) = ready.into_iter().unzip();
        if !tensors.is_empty() {
            for (name, best) in names.iter().zip(classify(&session, &tensors.concat(), arguments.top)?) {
                match arguments.json {
                    true => records.push(json!({ "image": name, "predictions": best })),
                    // Printed as they come, so that a long run can be watched.
                    false => bar.suspend(|| terminal::print(&as_text(name, &best)))?,
                }
            }
        }
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    if arguments.json {
        terminal::print_json(&json!({ "images": records }))?;
    }
    Outcome::of(sources.len() - failed, failed)
}

fn classify(session: &Session, tensor: &[f32], top: u16) -> Result<Vec<Vec<Prediction>>, Failure> {
    let images = Images::new(tensor)?;
    let logits = session.engine().predict(images)?;
    Ok((0..images.len()).map(|i| top_k(logits.row(i), top.into())).collect())
}

/// A photograph's name and its best classes.
pub(crate) fn as_text(name: &str, best: &[Prediction]) -> String {
    let rows = best.iter().map(|p| {
        let label = p.label();
        let (rank, class) = (p.rank.to_string(), p.class_idx.to_string());
        let (logit, probability) = (format!("{:.3}", p.logit), format!("{:.4}", p.probability));
        vec![rank, label.name.into(), logit, probability, class, label.wnid.into()]
    });
    let names = [">rank", "label", ">logit", ">probability", ">class", "wnid"];
    format!("{name}\n{}\n", terminal::table(&names, &rows.collect::<Vec<_>>()))
}
