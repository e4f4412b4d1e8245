import Configuration
import Files
import Foundation

extension FineTuningConfiguration {
    /// Reads a task's file; paths in it are relative to its folder.
    ///
    /// - Parameters:
    ///   - taskFile: nil for nothing but the defaults.
    ///   - train: a file named beside the task's, as are `validation` and `test`; each wins over what the task's file says.
    ///   - settings: key=value each, over the file's.
    ///   - sharesSettings: whether they are those of other tasks too, to which they may mean something.
    /// - Throws: `ConfigurationError`, also for what was asked for and has no effect; `FileFailure`.
    public init(
        taskFile: String?, train: String? = nil, validation: String? = nil, test: String? = nil,
        settings: [String] = [], sharesSettings: Bool = false
    ) throws {
        self.init()
        // What is named beside the file has to be there before the file is found wanting.
        task.train = train ?? ""
        let yaml = try taskFile.map { try ConfigurationReader.text(ofFile: $0) } ?? ""
        let origin = taskFile ?? "the command line"
        try ConfigurationReader.read(yaml: yaml, origin: origin, overrides: settings, into: &self)
        if let taskFile {
            let folder = PathParts.folder(of: taskFile)
            func relative(_ path: String) -> String {
                let path = HomeFolder.expanded(path)
                return path.hasPrefix("/") || folder.isEmpty ? path : (folder as NSString).appendingPathComponent(path)
            }
            task.train = relative(task.train)
            task.validation = task.validation.map(relative)
            task.test = task.test.map(relative)
        }
        if let train { task.train = HomeFolder.expanded(train) }
        if let validation { task.validation = HomeFolder.expanded(validation) }
        if let test { task.test = HomeFolder.expanded(test) }
        try ConfigurationReader.checkUse(
            of: self, yaml: yaml, origin: origin, overrides: settings, own: sharesSettings ? 0..<0 : nil
        ) { settings in
            var start = Self()
            // Named on the same command line as the settings are, not in the task's file.
            if !settings.isEmpty { start.task.validation = validation }
            return start
        }
    }
}
