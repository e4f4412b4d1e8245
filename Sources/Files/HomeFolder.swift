import Foundation

/// `~` at the beginning of a path, which shells leave as it is behind an equals sign (`--output=~/runs`) and in YAML.
public enum HomeFolder {
    /// The path with `~` or `~name` replaced by that user's home folder; a path without, or of an unknown user, as it is.
    public static func expanded(_ path: String) -> String {
        guard path.hasPrefix("~") else { return path }
        let end = path.firstIndex(of: "/") ?? path.endIndex
        let user = String(path[path.index(after: path.startIndex)..<end])
        guard let home = user.isEmpty ? own : home(of: user) else { return path }
        return home + path[end...]
    }

    private static var own: String? {
        if let home = ProcessInfo.processInfo.environment["HOME"], !home.isEmpty { return home }
        return getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) }
    }

    private static func home(of user: String) -> String? { getpwnam(user).map { String(cString: $0.pointee.pw_dir) } }
}
