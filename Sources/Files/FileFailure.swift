import Foundation

/// An operating-system call on a file or folder that failed.
public struct FileFailure: Error, Equatable, CustomStringConvertible {
    /// What was tried, as a verb: `open`, `read`, `write`, `rename`, ...
    public var operation: String
    public var path: String
    /// The call's `errno`.
    public var code: Int32
    /// What to do; nil: what the code suggests.
    public var advice: String?

    public init(_ operation: String, _ path: String, code: Int32, advice: String? = nil) {
        self.advice = advice
        self.operation = operation
        self.path = path
        self.code = code
    }

    public var description: String {
        let suggestion =
            switch code {
            case ENOSPC, EDQUOT: "; free some space on that file system and repeat"
            case EACCES, EPERM, EROFS: "; check the permissions"
            case ENOENT where operation.hasPrefix("write"): "; make the folder first"
            case ENOTDIR: "; a part of the path is not a folder"
            case EISDIR: "; it is a folder: name a file in it"
            default: ""
            }
        return
            "cannot \(operation) \(path): \(String(cString: strerror(code)))\(advice.map { "; \($0)" } ?? suggestion)"
    }
}
