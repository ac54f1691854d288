//! The `mdl` binary: everything is in the library.

fn main() -> std::process::ExitCode {
    mdl::cli::main()
}
