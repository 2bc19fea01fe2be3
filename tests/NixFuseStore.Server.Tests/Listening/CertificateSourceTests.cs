using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using NixFuseStore.Server.Listening;
using NixFuseStore.Testing.Tls;
using Xunit;

namespace NixFuseStore.Server.Tests.Listening;

public sealed class CertificateSourceTests
{
    [Fact]
    public void Current_FilesRenewed_NewHandshakesGetTheNewOne()
    {
        using var files = new CertificateFiles();
        using var renewed = new CertificateFiles();
        var clock = new Clock();
        var source = new CertificateSource(files.CertificateFile, files.KeyFile, clock, NullLogger.Instance);
        var first = ThumbprintOf(source);
        File.Copy(renewed.CertificateFile, files.CertificateFile, overwrite: true);
        File.Copy(renewed.KeyFile, files.KeyFile, overwrite: true);
        File.SetLastWriteTimeUtc(files.CertificateFile, DateTime.UtcNow.AddMinutes(1));
        Assert.Equal(first, ThumbprintOf(source));
        clock.Seconds += 60;
        using var expected = X509CertificateLoader.LoadCertificateFromFile(renewed.CertificateFile);
        Assert.Equal(expected.Thumbprint, ThumbprintOf(source));
    }

    [Fact]
    public void Current_FilesSpoilt_OldOneStaysInUse()
    {
        using var files = new CertificateFiles();
        var clock = new Clock();
        var source = new CertificateSource(files.CertificateFile, files.KeyFile, clock, NullLogger.Instance);
        var first = ThumbprintOf(source);
        File.WriteAllText(files.CertificateFile, "half a certif");
        File.SetLastWriteTimeUtc(files.CertificateFile, DateTime.UtcNow.AddMinutes(1));
        clock.Seconds += 60;
        Assert.Equal(first, ThumbprintOf(source));
    }

    private static string ThumbprintOf(CertificateSource source) => source.Current.ServerCertificateContext!.TargetCertificate.Thumbprint;

    private sealed class Clock : TimeProvider
    {
        public long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
