using System.Runtime.Versioning;

// FUSE is Linux's, and so is this program.
[assembly: SupportedOSPlatform("linux")]
