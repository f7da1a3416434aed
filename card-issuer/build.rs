//! Puts the cards' typeface into the program: PT Sans, found where Debian's `fonts-paratype` or `UNIONCARD_FONTS` has it.
//! The files are read at build and never committed.

use std::path::{Path, PathBuf};
use std::{env, fs};

const FILES: [&str; 2] = ["PTS55F.ttf", "PTS75F.ttf"];
const FOLDERS: [&str; 3] =
    ["/usr/share/fonts/truetype/paratype", "/usr/share/fonts/paratype", "/usr/local/share/fonts/paratype"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=UNIONCARD_FONTS");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it for build scripts"));
    let named = env::var_os("UNIONCARD_FONTS").map(PathBuf::from);
    let folders = named.into_iter().chain(FOLDERS.map(PathBuf::from));
    let has_all = |folder: &Path| FILES.iter().all(|file| folder.join(file).is_file());
    let Some(folder) = folders.into_iter().find(|folder| has_all(folder)) else {
        println!(
            "cargo::error=PT Sans ({}) is missing: scripts/install.sh installs Debian's fonts-paratype; elsewhere set UNIONCARD_FONTS to its folder",
            FILES.join(", ")
        );
        return;
    };
    for file in FILES {
        let font = folder.join(file);
        println!("cargo::rerun-if-changed={}", font.display());
        let bytes = fs::read(&font).expect("it was found a moment ago");
        fs::write(out.join(file), bytes).expect("cargo's folder can be written");
    }
}
