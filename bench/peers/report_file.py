"""The file of --json: asked before any work whether it can be written, and then written whole."""
import os

TRIAL_BYTES = 4096   # a full disk still makes an empty file


def target_and_part(path):
    """Where path leads, past symbolic links, and the file beside it that takes its name at last."""
    target = path.resolve()
    return target, target.with_name(target.name + ".part")


def is_output(path):
    """Whether standard output or standard error goes there: the table would be lost."""
    for number in (1, 2):
        try:
            if os.path.samestat(os.stat(path), os.fstat(number)):
                return True
        except OSError:   # no such file yet, or a closed descriptor
            pass
    return False


def fault_of(path):
    """Why path cannot be written, in words, or None. Leaves nothing behind."""
    try:
        if path.is_dir():
            return "a folder; name a file in it"
        if path.exists() and not path.is_file():
            return "not a regular file; name one, or a new file"
        if is_output(path):
            return "the table goes there; name another file"
        target, part = target_and_part(path)
        if not target.parent.is_dir():
            return "no such folder; make it first"
        if target.is_symlink():
            return "a link that leads to itself; name another file"
        if part.is_symlink() or part.exists() and not part.is_file():
            return f"{part} is in the way; remove it, or name another file"
        try:
            part.write_text("\n" * TRIAL_BYTES)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:   # the latter: links in a circle
        return f"cannot be written: {getattr(error, 'strerror', None) or error}; name another file"
    return None


def write_whole(path, text):
    """Beside, then renamed: the file appears whole or not at all. OSError where it cannot."""
    target, part = target_and_part(path)
    try:
        part.write_text(text)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
