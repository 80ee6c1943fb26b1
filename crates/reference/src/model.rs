//! The whole network, forward and back, with nothing thrown away.

use backlit_net::arch::{Block, Conv, Network};
use backlit_net::weights::{FoldedConv, FoldedDense, Weights};
use backlit_net::{CLASSES, FEATURES, Rule};

use crate::Real;
use crate::ops::{
    conv2d_dgrad, conv2d_fwd, dense_dgrad, dense_fwd, global_average_dgrad, global_average_fwd, max_pool_dgrad,
    max_pool_fwd, relu_dgrad, relu_fwd, residual_dgrad, residual_fwd,
};

/// A network with BatchNorm folded into its convolutions.
pub struct Model<T> {
    network: &'static Network,
    /// By [`Conv::index`]: weight `[r, s, c_in, c_out]` and bias `[c_out]`.
    pub(crate) convs: Vec<Affine<T>>,
    /// Weight `[2048, 1000]` and bias `[1000]`.
    pub(crate) head: Affine<T>,
}

pub(crate) struct Affine<T> {
    pub(crate) weight: Vec<T>,
    pub(crate) bias: Vec<T>,
}

impl<T: Real> Affine<T> {
    fn new(weight: Vec<f64>, bias: Vec<f64>) -> Affine<T> {
        let cast = |v: Vec<f64>| v.into_iter().map(T::from_f64).collect();
        Affine { weight: cast(weight), bias: cast(bias) }
    }
}

/// Every activation of one image, after its ReLU.
pub struct Trace<T> {
    /// `[112, 112, 64]`.
    pub stem: Vec<T>,
    /// Winners of the max-pool, as [`max_pool_fwd`] writes them.
    pub winner: Vec<u32>,
    /// `[56, 56, 64]`.
    pub pooled: Vec<T>,
    /// Sixteen blocks.
    pub blocks: Vec<BlockTrace<T>>,
    /// `[2048]`.
    pub average: Vec<T>,
    /// `[1000]`.
    pub logits: Vec<T>,
}

/// The activations of one block, after their ReLUs.
pub struct BlockTrace<T> {
    /// Output of the narrowing 1x1.
    pub reduce: Vec<T>,
    /// Output of the 3x3.
    pub spatial: Vec<T>,
    /// Output of the block.
    pub output: Vec<T>,
}

/// Gradients of one seed.
pub struct Backward<T> {
    /// With respect to the output of each block (its own ReLU not yet applied); empty below a tap.
    pub blocks: Vec<Vec<T>>,
    /// With respect to the image, `[224, 224, 3]`; empty below a tap.
    pub input: Vec<T>,
}

impl<T: Real> Model<T> {
    /// Folds and converts a weights file.
    pub fn new(weights: &Weights) -> Model<T> {
        Model::of(weights.network(), |conv| weights.conv(conv), weights.dense())
    }

    /// The same for any table, such as one of a smaller network, with `2048 x 1000` numbers in the head.
    pub fn of(network: &'static Network, fold: impl Fn(&Conv) -> FoldedConv, dense: FoldedDense) -> Model<T> {
        let convs = network.convs().map(|conv| {
            let FoldedConv { weight, bias } = fold(conv);
            Affine::new(weight, bias)
        });
        Model { network, convs: convs.collect(), head: Affine::new(dense.weight, dense.bias) }
    }

    /// The table it follows.
    pub fn network(&self) -> &'static Network {
        self.network
    }

    /// Runs one preprocessed image, `[224, 224, 3]`.
    ///
    /// # Panics
    /// If `image` has another length.
    pub fn forward(&self, image: &[T]) -> Trace<T> {
        assert_eq!(image.len(), self.network.stem.input_len());
        let mut stem = self.conv(&self.network.stem, image);
        relu_fwd(&mut stem);

        let pool = &self.network.pool;
        let len = pool.side_out() * pool.side_out() * pool.channels;
        let (mut pooled, mut winner) = (vec![T::ZERO; len], vec![0; len]);
        max_pool_fwd(&pool.into(), &stem, &mut pooled, &mut winner);

        let mut blocks: Vec<BlockTrace<T>> = Vec::new();
        for block in &self.network.blocks {
            let x = blocks.last().map_or(&pooled, |b| &b.output);
            blocks.push(self.block_forward(block, x));
        }

        let last = blocks.last().expect("the network has blocks");
        let (average, logits) = self.head_forward(&last.output);
        Trace { stem, winner, pooled, blocks, average, logits }
    }

    /// Logits from the output of a block on.
    ///
    /// # Panics
    /// If there is no such block, or `output` has another length.
    pub fn resume(&self, block: usize, output: &[T]) -> Vec<T> {
        let mut x = output.to_vec();
        for block in &self.network.blocks[block + 1..] {
            x = self.block_forward(block, &x).output;
        }
        self.head_forward(&x).1
    }

    /// Weight `[2048, 1000]` and bias `[1000]` of the head.
    pub fn head(&self) -> (&[T], &[T]) {
        (&self.head.weight, &self.head.bias)
    }

    /// Averages and logits.
    fn head_forward(&self, last: &[T]) -> (Vec<T>, Vec<T>) {
        let (mut average, mut logits) = (vec![T::ZERO; FEATURES], vec![T::ZERO; CLASSES]);
        global_average_fwd(last, &mut average);
        dense_fwd(&average, &self.head.weight, &self.head.bias, &mut logits);
        (average, logits)
    }

    fn block_forward(&self, block: &Block, x: &[T]) -> BlockTrace<T> {
        let mut reduce = self.conv(&block.reduce, x);
        relu_fwd(&mut reduce);
        let mut spatial = self.conv(&block.spatial, &reduce);
        relu_fwd(&mut spatial);
        let mut output = self.conv(&block.expand, &spatial);
        match &block.project {
            Some(project) => residual_fwd(&mut output, &self.conv(project, x)),
            None => residual_fwd(&mut output, x),
        }
        relu_fwd(&mut output);
        BlockTrace { reduce, spatial, output }
    }

    /// Sends one row of 1000 cotangents back, down to the image, or to the output of block `until`.
    ///
    /// # Panics
    /// If `seed` has another length.
    pub fn backward(&self, trace: &Trace<T>, seed: &[T], rule: Rule, until: Option<usize>) -> Backward<T> {
        self.backward_seen(trace, seed, rule, until, &mut |_, _| ())
    }

    /// [`backward`](Model::backward), showing `see` the gradient at the output of every convolution (plus bias) on the
    /// way: of every block expand, spatial, reduce and projection, last the stem.
    ///
    /// # Panics
    /// If `seed` has another length.
    pub fn backward_seen(
        &self,
        trace: &Trace<T>,
        seed: &[T],
        rule: Rule,
        until: Option<usize>,
        see: &mut dyn FnMut(&Conv, &[T]),
    ) -> Backward<T> {
        assert_eq!(seed.len(), CLASSES);
        let mut average = vec![T::ZERO; FEATURES];
        dense_dgrad(seed, &self.head.weight, &mut average);

        let blocks = &self.network.blocks;
        let mut back = Backward { blocks: vec![Vec::new(); blocks.len()], input: Vec::new() };
        let last = blocks.len() - 1;
        let mut d = vec![T::ZERO; trace.blocks[last].output.len()];
        global_average_dgrad(&average, &mut d);

        for block in blocks.iter().rev() {
            back.blocks[block.index] = d.clone();
            if until == Some(block.index) {
                return back;
            }
            d = self.block_backward(block, &trace.blocks[block.index], d, rule, see);
        }

        let mut stem = vec![T::ZERO; trace.stem.len()];
        max_pool_dgrad(&(&self.network.pool).into(), &trace.winner, &d, &mut stem);
        relu_dgrad(rule, &trace.stem, &mut stem);
        see(&self.network.stem, &stem);
        back.input = self.conv_backward(&self.network.stem, &stem);
        back
    }

    fn block_backward(
        &self,
        block: &Block,
        trace: &BlockTrace<T>,
        mut d: Vec<T>,
        rule: Rule,
        see: &mut dyn FnMut(&Conv, &[T]),
    ) -> Vec<T> {
        relu_dgrad(rule, &trace.output, &mut d);
        see(&block.expand, &d);
        let mut spatial = self.conv_backward(&block.expand, &d);
        relu_dgrad(rule, &trace.spatial, &mut spatial);
        see(&block.spatial, &spatial);
        let mut reduce = self.conv_backward(&block.spatial, &spatial);
        relu_dgrad(rule, &trace.reduce, &mut reduce);
        see(&block.reduce, &reduce);
        let mut x = self.conv_backward(&block.reduce, &reduce);
        match &block.project {
            Some(project) => {
                see(project, &d);
                residual_dgrad(&mut x, &self.conv_backward(project, &d));
            }
            None => residual_dgrad(&mut x, &d),
        }
        x
    }

    /// The bias of a convolution, BatchNorm folded in, `[c_out]`.
    pub fn bias(&self, conv: &Conv) -> &[T] {
        &self.convs[conv.index].bias
    }

    /// The bias of the head, `[1000]`.
    pub fn head_bias(&self) -> &[T] {
        &self.head.bias
    }

    pub(crate) fn conv(&self, conv: &Conv, x: &[T]) -> Vec<T> {
        let Affine { weight, bias } = &self.convs[conv.index];
        let mut y = vec![T::ZERO; conv.output_len()];
        conv2d_fwd(&conv.into(), x, weight, bias, &mut y);
        y
    }

    fn conv_backward(&self, conv: &Conv, dy: &[T]) -> Vec<T> {
        let mut dx = vec![T::ZERO; conv.input_len()];
        conv2d_dgrad(&conv.into(), dy, &self.convs[conv.index].weight, &mut dx);
        dx
    }
}
