//! The page in a real browser.

use std::path::{Path, PathBuf};
use std::process::Command;

use racecheck_report::format::Format;

use super::documents::entries;
use super::samples::view;

/// Names of browsers that can work without a screen.
const BROWSERS: [&str; 5] =
    ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome"];

fn browser() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("RACECHECK_TEST_BROWSER") {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    BROWSERS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|p| p.is_file())
}

fn page() -> String {
    let mut page = String::new();
    Format::Html.write_all(&mut page, &entries(), &view()).unwrap();
    page
}

fn dump(browser: &Path, url: &str, more: &[&str]) -> String {
    let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(more)
        .arg(url)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let page = page();
    for outside in ["src=", "href=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(!page.contains("<script>alert"));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
}

#[test]
fn a_browser_shows_and_filters_it() {
    let Some(browser) = browser() else {
        eprintln!("no browser here: RACECHECK_TEST_BROWSER can name one");
        return;
    };
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report.html");
    std::fs::write(&file, page()).unwrap();
    let url = format!("file://{}", file.display());
    let shown = dump(&browser, &url, &["--dump-dom"]);
    assert!(shown.contains("data-ready=\"yes\""), "the script did not run to its end:\n{shown}");
    assert!(shown.contains("6 shown") && shown.matches("<svg class=\"timeline\"").count() == 5);
    let filtered = dump(&browser, &format!("{url}#filter=tests%3A%3Acounts"), &["--dump-dom"]);
    assert!(filtered.contains("1 shown"), "{filtered}");
    if let Some(picture) = std::env::var_os("RACECHECK_SCREENSHOT") {
        let option = format!("--screenshot={}", picture.to_string_lossy());
        dump(&browser, &format!("{url}#filter=worker"), &[&option, "--window-size=1000,900"]);
        assert!(Path::new(&picture).is_file());
    }
}
