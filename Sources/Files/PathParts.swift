/// Parts of a path by its slashes alone, whether or not there is such a file.
///
/// Foundation's `deletingLastPathComponent` has the same results, but traps on relative paths of one character.
public enum PathParts {
    private static let slash = UInt8(ascii: "/")

    /// The path without its last name: `a/b` gives `a`, `/a` and `/` give `/`. Slashes at the end do not count.
    ///
    /// - Returns: empty for a name alone, which is in the current folder.
    public static func folder(of path: String) -> String {
        // Bytes, as a slash and an accent behind it are one character.
        var bytes = Array(path.utf8)
        func dropSlashes() { while bytes.count > 1, bytes.last == slash { bytes.removeLast() } }
        dropSlashes()
        guard let last = bytes.lastIndex(of: slash) else { return "" }
        bytes.removeSubrange((last == 0 ? 1 : last)...)
        dropSlashes()
        return String(decoding: bytes, as: UTF8.self)
    }
}
