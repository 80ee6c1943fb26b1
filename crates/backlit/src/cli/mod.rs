//! The command line: arguments in, pictures, tables and exit codes out. Nothing else in the workspace prints.

mod activation;
mod animate;
mod args;
mod audit;
mod bench;
mod compare;
mod doctor;
mod drawn;
mod evaluate;
mod explain;
mod failure;
mod frames;
mod gpu;
mod inputs;
mod interrupt;
mod locate;
mod map_args;
mod maps;
mod mask;
mod model;
mod network;
mod objects;
mod pipeline;
mod predict;
mod recipe_args;
mod records;
mod requests;
mod saliency;
mod spill;
mod terminal;
mod usage;
mod values;
mod view_args;
mod weights;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Arguments, Command};
use failure::{Failure, Outcome};

/// Runs the command and turns its outcome into an exit code.
pub(crate) fn main() -> ExitCode {
    // A mistake of ours is one line too, without a backtrace.
    std::panic::set_hook(Box::new(|panic| failure::report(format!("internal error, please report it: {panic}"))));
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(answer) => return usage::answer(&answer),
    };
    interrupt::install();
    match run(arguments.command) {
        Ok(outcome) => outcome.code(),
        Err(failure) => {
            failure.print();
            failure.code()
        }
    }
}

fn run(command: Command) -> Result<Outcome, Failure> {
    match command {
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Saliency(arguments) => saliency::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Mask(arguments) => mask::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Activation(arguments) => activation::run(&arguments),
        Command::Weights(arguments) => weights::run(arguments.command),
        Command::Model(arguments) => model::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "backlit", &mut script);
            terminal::print(&String::from_utf8_lossy(&script))?;
            Ok(Outcome::Done)
        }
    }
}
