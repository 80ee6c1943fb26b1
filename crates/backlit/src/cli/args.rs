//! The arguments, as clap reads them.

use std::path::PathBuf;

use backlit::cpu::isa::Level;
use backlit::figure::Colormap;
use backlit::net::Variant;
use backlit::net::engine::Precision;
use backlit::net::photo::Orientation;
use backlit::net::preprocess::{Filter, Preprocessing, Resize};
use backlit::saliency::Target;
use backlit::saliency::mask::{Fill, PixelBox, Slices};
use backlit::sources::Source;
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::locate::LocateArgs;
use super::map_args::MapArgs;
use super::recipe_args::RecipeArgs;
use super::view_args::ViewArgs;

const EXIT_CODES: &str = "Exit codes:
  0  everything was done
  1  nothing could be done; standard error says why, one line each
  2  the command line is wrong
  3  some input files could not be used and were reported; the others are done
  130  interrupted (Ctrl-C); files that were finished stay, none is left half-written";

/// See what ResNet-50 looks at.
#[derive(Parser, Debug)]
#[command(name = "backlit", version, about, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Classify photographs and draw each beside its saliency map
    Explain(ExplainArgs),
    /// Classify photographs
    Predict(PredictArgs),
    /// Write saliency maps as pictures and as numbers
    Saliency(SaliencyArgs),
    /// Lay methods and classes out on one sheet and say how far their maps agree
    Compare(CompareArgs),
    /// Hide or keep parts of a photograph and see whether the answer survives
    Mask(MaskArgs),
    /// Measure how good saliency maps are: insertion, deletion, ROAD and others
    Evaluate(super::evaluate::EvaluateArgs),
    /// Ask of every photograph whether the network looks at the object or at what is around it
    Audit(super::audit::args::AuditArgs),
    /// Make the picture that has most of a class
    Activation(super::activation::ActivationArgs),
    /// Fetch, inspect, verify and convert weights
    Weights(WeightsArgs),
    /// Print the layers of the network with their work and traffic
    Model(ModelArgs),
    /// Measure how fast the network and its layers are, and how exact
    Bench(super::bench::BenchArgs),
    /// Say what this machine has and what will be used
    Doctor(DoctorArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Args, Debug)]
pub(crate) struct InputArgs {
    /// Photographs: files, folders, globs, or - for standard input
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkArgs {
    /// Weights: npm, hf:OWNER/NAME[@REVISION][:FILE], or a safetensors file; fetched once if need be
    #[arg(long, value_name = "SOURCE", default_value = "npm")]
    pub(crate) weights: Source,
    #[command(flatten)]
    pub(crate) how: EngineArgs,
    /// Photographs that go through the network together; changes memory and speed, never a result
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(crate) batch: u16,
    /// How a photograph is brought to 224 x 224: stretch, or crop (shorter side to 256, then the centre)
    /// [default: stretch for v1, crop for v1.5]
    #[arg(long, value_name = "WAY")]
    pub(crate) resize: Option<Resize>,
    /// How it is resampled: nearest, bilinear or bicubic, as Pillow does
    #[arg(long, default_value = "bilinear")]
    pub(crate) filter: Filter,
    /// Which way up: exif turns a photograph as its camera says, stored takes it as it lies in the file (as Keras does)
    #[arg(long, default_value = "exif", value_name = "WAY")]
    pub(crate) orientation: Orientation,
}

// A doc comment here would become the help text of the command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Network")]
pub(crate) struct EngineArgs {
    /// What computes
    #[arg(long, value_enum, default_value_t = EngineArg::Auto)]
    pub(crate) engine: EngineArg,
    /// Arithmetic [default: mixed on a GPU and on a CPU with AMX, else f32; f64 for the reference]
    #[arg(long, value_enum, value_name = "PRECISION")]
    pub(crate) precision: Option<PrecisionArg>,
    /// GPUs to compute on, counted from 0 as `backlit doctor` lists them: 0, or 0,1 to share the work
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub(crate) device: Vec<usize>,
    /// Threads to compute with [default: all processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Instruction set of the CPU engine, one that `backlit doctor` lists [default: what the environment variable
    /// BACKLIT_ISA names, else the best there is]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) isa: Option<Level>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineArg {
    /// A GPU if there is one, else the CPU
    Auto,
    /// The fast CPU engine
    Cpu,
    /// The GPU engine: NVIDIA, sm_80 (Ampere) or newer
    Cuda,
    /// The oracle in plain loops, slow
    Reference,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionArg {
    /// Single precision
    F32,
    /// Double precision (reference)
    F64,
    /// 16 bits with a forward pass nearly as good as single precision's (cuda, and a CPU with AMX)
    Mixed,
    /// 16-bit floats both ways: fastest and coarsest (cuda, and a CPU with AMX)
    Half,
    /// The same in bfloat16 (cuda)
    Bf16,
}

impl PrecisionArg {
    pub(crate) fn precision(self) -> Precision {
        match self {
            PrecisionArg::F32 => Precision::F32,
            PrecisionArg::F64 => Precision::F64,
            PrecisionArg::Mixed => Precision::Mixed,
            PrecisionArg::Half | PrecisionArg::Bf16 => Precision::Half,
        }
    }
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Picture")]
pub(crate) struct PictureArgs {
    /// Colours: jet, viridis, turbo, inferno, magma, grey, hot; or bwr and seismic, which show the map's own values
    /// symmetrically about zero [default: viridis, bwr for maps with a sign]
    #[arg(long)]
    pub(crate) cmap: Option<Colormap>,
    /// Opacity of the map over the photograph, 0 to 1
    #[arg(long, default_value_t = 0.7, allow_negative_numbers = true)]
    pub(crate) alpha: f32,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Folder for the files; made if missing
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub(crate) output: PathBuf,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Best classes to list, 1 to 1000
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) top: u16,
}

#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) map: MapArgs,
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    #[command(flatten)]
    pub(crate) locate: LocateArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Args, Debug)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) map: MapArgs,
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Args, Debug)]
pub(crate) struct PredictArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Best classes to list, 1 to 1000
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) top: u16,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Args, Debug)]
pub(crate) struct SaliencyArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Files for every map, several with commas
    #[arg(long, value_delimiter = ',', value_enum, default_value = "png", help_heading = "Output")]
    pub(crate) format: Vec<Format>,
    #[command(flatten)]
    pub(crate) map: MapArgs,
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    #[command(flatten)]
    pub(crate) locate: LocateArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The map, and the map over the photograph, words below them where a map is blank, near zero or one of edges; with --locate also the seeds: object white, background black
    Png,
    /// The map, float32 [224, 224], or [224, 224, 3] with --reduce none; the CAM family's coarse map in a second file
    Npy,
    /// logits [1000], gradient (attribution, for methods that are no single gradient) [224, 224, 3] in the network's
    /// channel order or [224, 224], map [224, 224] ([224, 224, 3] with --reduce none), coarse [rows, columns] of the CAM
    /// family, all float32
    Safetensors,
    /// What the manifest says about this map
    Json,
}

#[derive(Args, Debug)]
pub(crate) struct MaskArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    /// Hide these rows and columns of the 224 x 224 grid, like NumPy slices: 32:55,116:146. Repeatable
    #[arg(long, value_name = "ROWS,COLS", help_heading = "Experiment", allow_hyphen_values = true)]
    pub(crate) hide: Vec<Slices>,
    /// Keep these rows and columns and hide everything else. Repeatable
    #[arg(long, value_name = "ROWS,COLS", help_heading = "Experiment", allow_hyphen_values = true)]
    pub(crate) keep: Vec<Slices>,
    /// A box in pixels of the photograph: tried hidden, and kept alone. Repeatable
    #[arg(long = "box", value_name = "X,Y,W,H", help_heading = "Experiment", allow_hyphen_values = true)]
    pub(crate) boxes: Vec<PixelBox>,
    /// A picture that is light where the object is: tried hidden, and kept alone. Repeatable
    #[arg(long = "mask", value_name = "FILE", help_heading = "Experiment")]
    pub(crate) masks: Vec<PathBuf>,
    /// What stands in for hidden pixels: black, mean (of the training pictures), blur, impute (noisy linear imputation); several
    /// with commas
    #[arg(long, value_delimiter = ',', default_value = "black", help_heading = "Experiment")]
    pub(crate) fill: Vec<Fill>,
    /// The class to follow: top1 is the best class of the untouched picture
    #[arg(long, default_value = "top1", help_heading = "Experiment")]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Args, Debug)]
pub(crate) struct WeightsArgs {
    #[command(subcommand)]
    pub(crate) command: WeightsCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum WeightsCommand {
    /// Fetch weights into the cache, unless they are there
    Fetch {
        /// npm, hf:OWNER/NAME[@REVISION][:FILE], or a file
        #[arg(long, value_name = "SOURCE", default_value = "npm")]
        from: Source,
        /// Fetch even if they are there
        #[arg(long)]
        force: bool,
    },
    /// Say what a weights file is
    Info {
        /// npm, hf:..., or a file
        #[arg(value_name = "SOURCE", default_value = "npm")]
        weights: Source,
        /// Print one JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Recompute every hash that is known of a weights file
    Verify {
        /// npm, hf:..., or a file
        #[arg(value_name = "SOURCE", default_value = "npm")]
        weights: Source,
    },
    /// Rewrite weights as one safetensors file that says what it is
    Convert {
        /// A safetensors file, or the model.json of a tfjs model
        input: PathBuf,
        /// The file to write
        output: PathBuf,
        /// Which ResNet-50, if the file does not say: v1 or v1.5
        #[arg(long)]
        variant: Option<Variant>,
        /// Epsilon of BatchNorm, if the file does not say
        #[arg(long)]
        epsilon: Option<f64>,
        /// caffe or torch, if the file does not say
        #[arg(long)]
        preprocessing: Option<Preprocessing>,
    },
}

#[derive(Args, Debug)]
pub(crate) struct ModelArgs {
    /// v1 (Keras) or v1.5 (torchvision, timm)
    #[arg(long, default_value = "v1")]
    pub(crate) variant: Variant,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}
