"""PyYAML, from Debian's python3-yaml also where `python3` is not Debian's own.

    from read_yaml import yaml
"""

import sys

try:
    import yaml
except ImportError:
    sys.path.append("/usr/lib/python3/dist-packages")
    import yaml

__all__ = ["yaml"]
