//! Packs the runtime's static library into one object of which only the ABI is visible.
//!
//! The list of visible symbols is read from the library itself, by prefix, so that there is no second
//! list to keep in step with the runtime:
//!
//! | in the library | in the packed object |
//! |---|---|
//! | `__tsan_*`, `__sanitizer_*`, `Annotate*`, `WTFAnnotate*`, `racecheck_rt_*` | visible under the same name |
//! | `__tsan_NAME` that both rounds of the pass call ([`rounds`]) | visible as `racecheck_rt_NAME` too |
//! | `racecheck_intercept_NAME` | visible as `NAME`, in libc's place |
//! | everything else, `core` and `alloc` included | local |
//!
//! The visible symbols are weak: a program may bring functions of such names itself (an allocator, the older
//! annotations), and then its own are meant.
//!
//! Nothing is collected here: `.eh_frame` would be, since nobody refers to it, and then no exception and no
//! cancellation of a thread could pass an interceptor. The program's own link leaves out what it does not
//! need.
//!
//! The order matters: the runtime may have private symbols that are called like libc functions
//! (`memcpy`), so all of them are local before an interceptor gets such a name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use object::read::archive::ArchiveFile;
use object::{Object, ObjectSymbol};

use crate::error::{Error, run};
use crate::toolchain::Toolchain;
use crate::{read, rounds};

const INTERCEPTOR: &str = "racecheck_intercept_";
const ABI: [&str; 5] = ["__tsan_", "__sanitizer_", "Annotate", "WTFAnnotate", "racecheck_rt_"];

/// The files that packing made.
pub struct Packed {
    pub object: PathBuf,
    /// In the form of the linker's `--dynamic-list`.
    pub dynamic_list: PathBuf,
}

pub fn pack(toolchain: &Toolchain, library: &Path, out_dir: &Path) -> Result<Packed, Error> {
    let mut exports = exported(library)?;
    let file = |name: &str| out_dir.join(name);

    let joined = file("joined.o");
    let mut lld = toolchain.tool("rust-lld")?;
    lld.args(["-flavor", "gnu", "-r", "-e", "__tsan_init"]);
    lld.args(exports.iter().flat_map(|symbol| ["-u", symbol]));
    for function in rounds::REPEATED {
        let (name, alias) = (rounds::name_by_pass(function), rounds::name_of_first(function));
        lld.arg(format!("--defsym={alias}={name}"));
        exports.insert(alias);
    }
    run(lld.arg(library).arg("-o").arg(&joined))?;

    let keep = file("keep.txt");
    write(&keep, exports.iter().map(|symbol| format!("{symbol}\n")))?;
    let hidden = file("hidden.o");
    let mut objcopy = toolchain.tool("rust-objcopy")?;
    objcopy.arg("--strip-debug").arg(format!("--keep-global-symbols={}", keep.display()));
    run(objcopy.arg(&joined).arg(&hidden))?;

    let renames = file("renames.txt");
    let renamed = exports.iter().filter_map(|symbol| Some((symbol, symbol.strip_prefix(INTERCEPTOR)?)));
    write(&renames, renamed.map(|(from, to)| format!("{from} {to}\n")))?;
    let object = file("racecheck-rt.o");
    let mut objcopy = toolchain.tool("rust-objcopy")?;
    objcopy.arg("--weaken").arg(format!("--redefine-syms={}", renames.display()));
    run(objcopy.arg(&hidden).arg(&object))?;

    let dynamic_list = file("racecheck-rt.dynlist");
    let visible = exports.iter().map(|symbol| symbol.strip_prefix(INTERCEPTOR).unwrap_or(symbol));
    let entries = visible.map(|symbol| format!("  {symbol};\n"));
    write(&dynamic_list, ["{\n".to_owned()].into_iter().chain(entries).chain(["};\n".to_owned()]))?;
    Ok(Packed { object, dynamic_list })
}

/// Names of the symbols that the library offers to programs.
fn exported(library: &Path) -> Result<BTreeSet<String>, Error> {
    let broken = |source| Error::Object { path: library.to_owned(), source };
    let data = read(library)?;
    let archive = ArchiveFile::parse(&*data).map_err(broken)?;
    let mut exports = BTreeSet::new();
    for member in archive.members() {
        let object = member.map_err(broken)?.data(&*data).map_err(broken)?;
        // A static library may hold members that are no object files (metadata).
        let Ok(object) = object::File::parse(object) else { continue };
        // Thread-local variables are no definitions in that crate's sense.
        let defined = object.symbols().filter(|symbol| !symbol.is_undefined() && symbol.is_global());
        let names = defined.filter_map(|symbol| symbol.name().ok());
        exports.extend(names.filter(|name| is_exported(name)).map(str::to_owned));
    }
    match exports.is_empty() {
        true => Err(Error::NothingExported(library.to_owned())),
        false => Ok(exports),
    }
}

fn is_exported(name: &str) -> bool {
    name.starts_with(INTERCEPTOR) || ABI.iter().any(|prefix| name.starts_with(prefix))
}

fn write(path: &Path, lines: impl Iterator<Item = String>) -> Result<(), Error> {
    std::fs::write(path, lines.collect::<String>()).map_err(|source| Error::File {
        doing: "write",
        path: path.to_owned(),
        source,
    })
}
