import Files
import Foundation

/// Whole files, with typed errors.
enum FileBytes {
    /// Tokenizers of a million entries take half of this.
    private static let limit = 256 << 20

    static func read(_ path: String) throws(TokenizerError) -> [UInt8] {
        do { return try [UInt8](FileDescriptor.contents(of: path, limit: limit)) } catch {
            let problem =
                switch (error as? FileFailure)?.code {
                case EFBIG?: "has more than \(limit >> 20) MiB; no tokenizer.json is that large"
                case EISDIR?: "is a folder"
                case EINVAL?: "is no file, but a pipe or a device"
                case let code?: String(cString: strerror(code))
                case nil: "\(error)"
                }
            throw .file(path: path, problem: problem)
        }
    }
}
