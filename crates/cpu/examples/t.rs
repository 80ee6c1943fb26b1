use backlit_cpu::isa::Level;
use backlit_net::weights::Weights;
use backlit_net::*;
use std::time::Instant;
fn main() {
    let t = Instant::now();
    let w = Weights;
    let n: usize = std::env::args().nth(1).map_or(1, |s| s.parse().unwrap());
    let x: Vec<f32> =
        (0..n * IMAGE_LEN).map(|i| ((i as u64 * 2654435761 % 1000) as f32 / 1000.0 - 0.5) * 200.0).collect();
    let mut seed = vec![0f32; 1000 * n];
    for i in 0..n {
        seed[i * 1000 + 281] = 1.0;
    }
    for l in [Level::Avx2, Level::Portable] {
        let e = backlit_cpu::Cpu::new(
            &w,
            backlit_cpu::CpuOptions { threads: std::env::args().nth(2).map(|s| s.parse().unwrap()), level: Some(l) },
        )
        .unwrap();
        println!("{l} new {:?}", t.elapsed());
        let im = Images::new(&x).unwrap();
        for _ in 0..4 {
            let t = Instant::now();
            e.predict(im).unwrap();
            let a = t.elapsed();
            let t = Instant::now();
            let _g = e.gradient(im, Seeds::Rows { data: &seed, per_image: 1 }, Rule::Plain).unwrap();
            println!("predict {:?} gradient {:?}", a, t.elapsed());
        }
        if n == 1 && l == Level::Avx2 {
            for rule in [Rule::Plain, Rule::Guided, Rule::Rectified] {
                let g = e.gradient(im, Seeds::Rows { data: &seed, per_image: 1 }, rule).unwrap();
                let r = backlit_reference::Reference::<f64>::new(&w);
                let t = Instant::now();
                let h = r.gradient(im, Seeds::Rows { data: &seed, per_image: 1 }, rule).unwrap();
                println!("ref {:?}", t.elapsed());
                let rel = |a: &[f32], b: &[f32]| {
                    let d: f64 = a.iter().zip(b).map(|(x, y)| ((x - y) as f64).powi(2)).sum();
                    let s: f64 = b.iter().map(|y| (*y as f64).powi(2)).sum();
                    ((d / s).sqrt(), s.sqrt())
                };
                println!("{rule:?} logits {:?} grad {:?}", rel(&g.logits, &h.logits), rel(&g.gradient, &h.gradient));
            }
        }
    }
}
