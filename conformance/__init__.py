"""A black-box suite that runs against any DICOMweb server.

May import: nothing of ours; pydicom, requests.

Entry point: `python -m conformance http://HOST/ROOT [--header "NAME: VALUE"]`. It stores a small
made-up series, learns the UIDs under which the server keeps it, and checks what the server then
answers. Each check names the section of PS3.18 that it holds the server to.
"""
