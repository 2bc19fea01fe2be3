namespace NixFuseStore.Settings.Tests;

/// <summary>How an address for metrics is written.</summary>
public sealed class MetricsAddressTests
{
    [Theory]
    [InlineData("9464", "http://127.0.0.1:9464/", true)]
    [InlineData(":9464", "http://127.0.0.1:9464/", true)]
    [InlineData("localhost:9464", "http://localhost:9464/", true)]
    [InlineData("[::1]:9464", "http://[::1]:9464/", true)]
    [InlineData("10.0.0.1:9464", "http://10.0.0.1:9464/", false)]
    [InlineData("host.example.org:9464", "http://host.example.org:9464/", false)]
    [InlineData("*:9464", "http://*:9464/", false)]
    public void Parse_Address_IsAUrl(string text, string url, bool isLoopback)
    {
        var address = MetricsAddress.Parse(text);

        Assert.Equal((url, isLoopback), (address.Url, address.IsLoopback));
        Assert.Contains(address.Url, address.Urls);
    }

    [Theory]
    [InlineData("")]
    [InlineData("port")]
    [InlineData("0")]
    [InlineData("65536")]
    [InlineData("-1")]
    [InlineData("host:")]
    [InlineData("::1:9464")]
    [InlineData("http://host:9464")]
    [InlineData("a b:9464")]
    public void Parse_Other_SaysWhatIsExpected(string text)
    {
        var error = Assert.Throws<FormatException>(() => MetricsAddress.Parse(text));

        Assert.Equal($"'{text}' is no address for metrics; expected HOST:PORT, or PORT for loopback alone", error.Message);
    }
}
