//! The entry of the page. On native targets it only says where it belongs, so that `cargo build` builds everything.

fn main() {
    #[cfg(target_arch = "wasm32")]
    tabernetes::ui::start();
}
