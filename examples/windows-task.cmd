rem Once, as an administrator: a task that runs every night at two.
rem The share is given by its name: drive letters belong to the user who is logged in.
schtasks /Create /TN xrayscan /SC DAILY /ST 02:00 /RU SYSTEM /TR "C:\xrayscan\Scripts\xrayscan.exe predict \\server\share\scans --csv \\server\share\results.csv --report \\server\share\results.html --min-age 60 --log-file C:\xrayscan\log.txt --quiet"
