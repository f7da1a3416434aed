//! The pages are built by `npm run build` into `web/dist` and embedded; a checkout without them still compiles.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=web/dist");
    std::fs::create_dir_all("web/dist").expect("the checkout is writable while it is built");
}
