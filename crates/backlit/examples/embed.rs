//! Embedding in a few lines: load, classify, explain, save.
use backlit::figure::{Colormap, heat};
use backlit::net::{photo::Photo, weights::Weights};
use backlit::saliency::Progress;
use backlit::{Request, Saliency, Session, SessionOptions, output, sources};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let picture = std::env::args().nth(1).unwrap_or("assets/chelsea.png".into());
    let weights = Weights::open(&sources::ensure(&sources::Source::Npm, &mut |_| ())?)?;
    let session = Session::new(&weights, SessionOptions::default())?;

    let input = session.prepare(&Photo::open(picture.as_ref())?);
    let explanation = session.explain(&input, &Request::default())?;
    for class in explanation.predictions(3) {
        println!("{:<24} {:.4}", class.label().name, class.probability);
    }

    let top = &explanation.maps[0];
    let folder = std::env::temp_dir();
    output::write(&folder.join("gradient.npy"), &output::npy(&[224, 224, 3], &top.attribution.values.values)?)?;
    heat(&top.saliency.map, Colormap::Viridis)?.save_png(&folder.join("map.png"))?;

    // Another method, with its own options, telling how far it has come.
    let tell = |p: Progress| eprintln!("{} of {} images", p.done, p.total);
    let smooth = Saliency::smooth_grad().samples(16).noise(0.15).progress(&tell).run(&session, &input)?;
    heat(&smooth.saliency.map, Colormap::Viridis)?.save_png(&folder.join("smooth.png"))?;
    println!("gradient.npy, map.png and smooth.png are in {}", folder.display());
    Ok(())
}
