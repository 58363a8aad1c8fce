//! The entry of the page. On native targets it does nothing; it is there so that `cargo build` builds everything.

fn main() {
    #[cfg(target_arch = "wasm32")]
    tabernetes::ui::start();
}
